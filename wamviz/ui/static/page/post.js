/* Asking the page's own addresses. */

/** POST an address that answers JSON; an Error holds the server's sentence and its status. */
export async function post(address, body) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(told.error || "The server did not answer."), { status: answer.status });
  return told;
}

/* Small videos in lists play while they are seen, unless the reader asked for calm.

   Contract: watchLive() finds every video[data-live] that is new. */

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
let seen;

function observer() {
  seen ??= new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      target.muted = true; // the attribute alone does not count when a script sets it
      if (isIntersecting && !calm()) target.play().catch(() => {});
      else target.pause();
    }
  });
  return seen;
}

export function watchLive() {
  for (const video of document.querySelectorAll("video[data-live]:not([data-watched])")) {
    video.dataset.watched = "";
    observer().observe(video);
  }
}

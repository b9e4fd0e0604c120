/* When a step is sent: at once on a press, then at the model's rate while something is held; never two at a time.

   Contract: what cannot be sent because the step before is still under way is counted, and never made up for. */

export class Pace {
  /** @param {(missed: number) => Promise<void>} send one step; told how many were dropped since the last */
  constructor(send) {
    this.send = send;
    this.busy = false;
    this.missed = 0;
  }

  /** A step is wanted now. Resolves when it was answered, or at once where it is dropped. */
  async want() {
    if (this.busy) {
      this.missed += 1;
      return false;
    }
    this.busy = true;
    const missed = this.missed;
    this.missed = 0;
    try {
      await this.send(missed);
      return true;
    } finally {
      this.busy = false;
    }
  }
}

/** The middle one of some numbers; null where there are none. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : null;
}

/** Points of a challenge: of a task that is not done, how far it has come, 0 .. 99; done, 100 and one for each second
 * that is left of a minute. */
export function scoreOf(moments, rate) {
  const at = moments.findIndex((moment) => moment.done);
  if (at < 0)
    return {
      done: false,
      seconds: (moments.length - 1) / rate,
      points: Math.floor(100 * (moments.at(-1)?.progress ?? 0)),
    };
  const seconds = at / rate;
  return { done: true, seconds, points: 100 + Math.max(0, Math.floor(60 - seconds)) };
}

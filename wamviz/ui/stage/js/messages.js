/* What Python tells the stage.

   Written by `python -m wamviz.ui.stage.typedefs` from messages.py: change that file, then write this one anew. */

export const VIEWS = ["side-by-side", "onion-skin", "wipe", "difference", "samples"];
export const ORIGINS = ["imagined", "recorded", "executed"];
export const CHUNK = 8;

/**
 * A video file on this server.
 * @typedef {object} FileClip
 * @property {string} src its address.
 * @property {string} key changes with its content, where the address does not.
 * @property {number} frames how many it has.
 * @property {number} fps frames a second.
 * @property {number} width of a frame, in pixels.
 * @property {number} height of a frame, in pixels.
 * @property {string} label of the sample, for people.
 * @property {[number, number][] | null} path the end-effector's, in fractions of the frame; null where it is not known.
 * @property {number} rate points of the path a second.
 */
/**
 * All frames in one picture, row by row.
 * @typedef {object} StripClip
 * @property {string} strip the picture, as a data URL.
 * @property {number} columns frames in a row of it.
 * @property {number} frames how many there are.
 * @property {number} fps frames a second.
 * @property {number} width of a frame, in pixels.
 * @property {number} height of a frame, in pixels.
 * @property {string} label of the sample, for people.
 * @property {[number, number][] | null} path the end-effector's, in fractions of the frame; null where it is not known.
 * @property {number} rate points of the path a second.
 */
/**
 * A rollout that has no video.
 * @typedef {object} UnseenClip
 * @property {string} missing why it has none.
 * @property {number} frames how many it would have.
 * @property {number} fps frames a second.
 * @property {string} label of the sample, for people.
 * @property {[number, number][] | null} path the end-effector's, in fractions of the frame; null where it is not known.
 * @property {number} rate points of the path a second.
 */
/**
 * One pane of the stage.
 * @typedef {object} Pane
 * @property {string} name its title.
 * @property {(FileClip | StripClip | UnseenClip)[]} samples what it shows, one of them at a time.
 * @property {string} missing why it shows nothing.
 * @property {string} verdict what came of it.
 * @property {string} weights size and origin of the model's weights, or "".
 * @property {boolean} live its model imagines now.
 */
/**
 * How far a model that imagines has come.
 * @typedef {object} Progress
 * @property {number} step done so far.
 * @property {number} steps in all.
 * @property {number | null} eta seconds left, null while unknown.
 * @property {string} note what it does before its first step.
 */
/**
 * A sample's place among the others, the best first.
 * @typedef {object} Ranked
 * @property {number} sample which one, from 0.
 * @property {string} why what a judge found, in words.
 */
/**
 * All that the stage shows.
 * @typedef {object} StageValue
 * @property {Record<string, Pane>} panes by their names in the page: imagined, recorded and executed, or recorded and contender-1 to -4.
 * @property {string | null} run id of the run, several divided by commas, or null.
 * @property {string} instruction what was asked for.
 * @property {string} detail model, mode and seed, in words.
 * @property {string} note a remark below.
 * @property {number | null} frame where to stand; null leaves it to the stage.
 * @property {"side-by-side" | "onion-skin" | "wipe" | "difference" | "samples" | null} view which view; null leaves it to the stage.
 * @property {number | null} sample which sample, from 0; null leaves it to the stage.
 * @property {boolean} autoplay start playing, unless the user asked for reduced motion.
 * @property {number} chunk frames of one Shift+arrow.
 * @property {Progress | null} preview a run that forms, or null.
 * @property {Ranked[]} ranking all samples, the best first, where a judge has put them in order.
 */
/** @typedef {FileClip | StripClip | UnseenClip} Clip */

// What is said at several places, in the same words, and when the page is asked again where it did not answer.

export const RETRY_MS = 3000;
export const NO_ANSWER = "The page does not answer: is it still running?";
export const NO_CONNECTION = "No connection to the page: is it still running? What arrives meanwhile is shown when it is back.";

// Return a text in which a sign stands for each control character, also for those that turn the direction.
export function visible(text) {
  return String(text).replace(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}

// Return a number with a thin space between thousands, as the page has them.
export function spaced(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/**
 * A device that was signed out elsewhere is out within 5 s, also where nobody touches the page: services refuse its tokens after
 * 2 s at most, and an open page asks every 2.5 s. What refuses is answered as any refusal: one refresh, then the sign-in page.
 */
import { auth } from "./api.ts";
import { who } from "./session.ts";

const LOOK_MS = 2500;

/** Look while the page is visible; returns what stops it. */
export function stayKnown(): () => void {
  const look = (): void => {
    if (who.peek() && document.visibilityState === "visible") void auth.GET("/tokens").catch(() => undefined);
  };
  const timer = setInterval(look, LOOK_MS);
  document.addEventListener("visibilitychange", look);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", look);
  };
}

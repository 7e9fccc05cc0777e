/** A plain player for the console: the film with its controls, and the time it stands at. It takes one of the account's streams. */
import type { HlsVideoElement } from "hls-video-element";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { asProblem, type Problem } from "../lib/problem.ts";
import { FormProblem } from "../ui/States.tsx";
import { LiveSession, startSession } from "./session.ts";

export function Preview({
  playableId,
  onTime,
}: {
  playableId: string;
  onTime: (seconds: number) => void;
}): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    let gone = false;
    let session: LiveSession | null = null;
    let video: HlsVideoElement | null = null;
    const start = async (): Promise<void> => {
      const [told] = await Promise.all([startSession(playableId), import("hls-video-element")]);
      const element = document.createElement("hls-video") as HlsVideoElement;
      video = element;
      session = new LiveSession(told, {
        where: () => ({ positionS: element.currentTime || 0, state: element.paused ? "paused" : "playing" }),
        onGone: () => undefined,
        onSilent: () => undefined,
      });
      if (gone) {
        session.stop();
        return;
      }
      element.setAttribute("controls", "");
      element.setAttribute("playsinline", "");
      element.src = told.hls_url;
      element.addEventListener("timeupdate", () => onTime(element.currentTime));
      element.addEventListener("seeked", () => onTime(element.currentTime));
      box.current?.append(element);
    };
    start().catch((thrown: unknown) => setProblem(asProblem(thrown)));
    return () => {
      gone = true;
      video?.remove();
      session?.stop();
    };
  }, [playableId]);
  return (
    <>
      <FormProblem problem={problem} />
      <div class="preview" ref={box} data-own-keys />
    </>
  );
}

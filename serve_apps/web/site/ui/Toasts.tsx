/** Short notes at the foot of the page, read out, gone by themselves, but not from under a pointer or the focus; with an undo where there is one. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

interface Toast {
  id: number;
  text: string;
  act?: { label: string; run: () => void } | undefined;
}

const SHOWN_MS = 6000;
const toasts = signal<Toast[]>([]);
let last = 0;

export function toast(text: string, act?: Toast["act"]): void {
  const id = ++last;
  toasts.value = [...toasts.value.filter((other) => other.text !== text).slice(-2), { id, text, act }];
}

function close(id: number): void {
  toasts.value = toasts.value.filter((other) => other.id !== id);
}

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((each) => (
        <Note key={each.id} {...each} />
      ))}
    </div>
  );
}

function Note({ id, text, act }: Toast): JSX.Element {
  const [pointed, setPointed] = useState(false);
  const [focused, setFocused] = useState(false);
  const held = pointed || focused;
  useEffect(() => {
    if (held) return undefined;
    const timer = setTimeout(() => close(id), act ? SHOWN_MS * 1.5 : SHOWN_MS);
    return () => clearTimeout(timer);
  }, [held]);
  return (
    <div
      class="toast"
      onPointerEnter={() => setPointed(true)}
      onPointerLeave={() => setPointed(false)}
      onFocusIn={() => setFocused(true)}
      onFocusOut={() => setFocused(false)}
    >
      <span>{text}</span>
      {act && (
        <button
          class="link"
          type="button"
          onClick={() => {
            close(id);
            act.run();
          }}
        >
          {act.label}
        </button>
      )}
    </div>
  );
}

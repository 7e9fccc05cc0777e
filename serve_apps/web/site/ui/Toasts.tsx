/** Short notes at the foot of the page, read out, gone by themselves; with an undo where there is one. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";

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
  setTimeout(() => close(id), act ? SHOWN_MS * 1.5 : SHOWN_MS);
}

function close(id: number): void {
  toasts.value = toasts.value.filter((other) => other.id !== id);
}

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, act }) => (
        <div class="toast" key={id}>
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
      ))}
    </div>
  );
}

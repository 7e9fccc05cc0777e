/** A modal `<dialog>`: opens with what mounts it, closes by Escape, the backdrop or its own buttons, gives the focus back. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

export function Dialog({
  title,
  onClose,
  children,
  wide = false,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  wide?: boolean;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  return (
    <dialog
      ref={dialog}
      class={wide ? "wide" : undefined}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => event.target === dialog.current && onClose()}
    >
      <div class="inside">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

/** Ask before what cannot be taken back. */
export function Confirm({
  title,
  children,
  act,
  busy = false,
  onAct,
  onClose,
}: {
  title: string;
  children?: ComponentChildren;
  act: string;
  busy?: boolean;
  onAct: () => void;
  onClose: () => void;
}): JSX.Element {
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      <div class="acts">
        <button class="btn no" type="button" disabled={busy} onClick={onAct}>
          {act}
        </button>
        <button class="btn" type="button" onClick={onClose}>
          Keep it
        </button>
      </div>
    </Dialog>
  );
}

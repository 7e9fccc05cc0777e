/** A search field that searches as one types, once the fingers rest. */
import type { JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

import { Icon } from "../ui/Icon.tsx";

const REST_MS = 200;

export function Find({
  label,
  value,
  onFind,
}: {
  label: string;
  /** What is sought now. */
  value: string;
  onFind: (text: string) => void;
}): JSX.Element {
  const id = useId();
  const [text, setText] = useState(value);
  const rest = useRef<ReturnType<typeof setTimeout>>(undefined);
  const told = useRef(value);
  useEffect(() => () => clearTimeout(rest.current), []);
  useEffect(() => {
    // Changed from elsewhere, by Back or a link: not by what was typed here.
    if (value !== told.current) setText(value);
    told.current = value;
  }, [value]);
  const find = (wish: string): void => {
    clearTimeout(rest.current);
    told.current = wish.trim();
    onFind(wish.trim());
  };
  return (
    <form
      class="find"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        find(text);
      }}
    >
      <label for={id}>
        <Icon name="search" />
        <span class="unseen">{label}</span>
      </label>
      <input
        id={id}
        type="search"
        autocomplete="off"
        spellcheck={false}
        maxLength={100}
        placeholder={label}
        value={text}
        onInput={(event) => {
          const wish = event.currentTarget.value;
          setText(wish);
          clearTimeout(rest.current);
          rest.current = setTimeout(() => find(wish), REST_MS);
        }}
      />
    </form>
  );
}

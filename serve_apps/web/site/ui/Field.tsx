/** A labelled input with its hint and its error, tied together for those who do not see them. */
import type { JSX, TargetedEvent } from "preact";
import { useId } from "preact/hooks";

/** The part of an input's attributes that our forms use. */
interface Input {
  name?: string;
  type?: "text" | "email" | "password" | "search" | "url" | "number";
  value?: string | number;
  checked?: boolean;
  required?: boolean;
  disabled?: boolean;
  readOnly?: boolean;
  autofocus?: boolean;
  autocomplete?: string;
  inputMode?: "text" | "numeric" | "email" | "search" | "decimal";
  minLength?: number;
  maxLength?: number;
  min?: number;
  max?: number;
  step?: number | "any";
  pattern?: string;
  placeholder?: string;
  spellcheck?: boolean;
  onInput?: (event: TargetedEvent<HTMLInputElement>) => void;
  onChange?: (event: TargetedEvent<HTMLInputElement>) => void;
  onBlur?: (event: TargetedEvent<HTMLInputElement>) => void;
}

export function Field({
  label,
  hint,
  wrong,
  ...input
}: { label: string; hint?: string | undefined; wrong?: string | undefined } & Input): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class="input"
        aria-invalid={wrong ? "true" : undefined}
        aria-describedby={wrong ? `${id}-wrong` : hint ? `${id}-hint` : undefined}
        {...(input as object)}
      />
      {hint && !wrong && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {wrong && (
        <span class="wrong" id={`${id}-wrong`}>
          {wrong}
        </span>
      )}
    </div>
  );
}

/** A switch with its words beside it. */
export function Switch({ label, ...input }: { label: string } & Input): JSX.Element {
  return (
    <label class="check">
      <input type="checkbox" role="switch" {...(input as object)} />
      <span>{label}</span>
    </label>
  );
}

/** One of a few, as pills. */
export function Choices<T extends string>({
  legend,
  name,
  options,
  value,
  onChange,
}: {
  legend: string;
  name: string;
  options: readonly { value: T; label: string }[];
  value: T;
  onChange: (value: T) => void;
}): JSX.Element {
  return (
    <fieldset class="field">
      <legend class="legend">{legend}</legend>
      <div class="choices" role="radiogroup" aria-label={legend}>
        {options.map((option) => (
          <label key={option.value}>
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            {option.label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

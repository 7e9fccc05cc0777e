/** What stands around every page of a signed-in member: the bar with the ways, search and who watches; on a phone a bar at the foot. */
import { useLocation } from "preact-iso";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { operator, who } from "../lib/session.ts";
import { Avatar } from "../ui/Avatar.tsx";
import { Icon, Mark } from "../ui/Icon.tsx";
import { me, signOut } from "./profile.ts";

const WAYS = [
  { href: "/", label: "Home" },
  { href: "/films", label: "Films" },
  { href: "/series", label: "Series" },
  { href: "/list", label: "My list" },
] as const;

export function Shell({ children }: { children: ComponentChildren }): JSX.Element {
  const { path } = useLocation();
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="bar-top">
        <Mark />
        {who.value?.profileId && (
          <>
            <nav aria-label="Main">
              <ul>
                {WAYS.map(({ href, label }) => (
                  <li key={href}>
                    <a href={href} aria-current={path === href ? "page" : undefined}>
                      {label}
                    </a>
                  </li>
                ))}
              </ul>
            </nav>
            <Find />
          </>
        )}
        <Me />
      </header>
      <main id="main">{children}</main>
    </>
  );
}

function Find(): JSX.Element {
  const { path, query, route } = useLocation();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(path === "/search" ? (query["q"] ?? "") : "");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    if (path !== "/search") setText("");
    // What is searched for may also change by a link of the page.
    else if (document.activeElement !== input.current) setText(query["q"] ?? "");
  }, [path, query["q"]]);
  useEffect(() => {
    const slash = (event: KeyboardEvent): void => {
      const typing = (event.target as Element).matches?.("input,textarea,select,[contenteditable]");
      if (event.key !== "/" || typing || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", slash);
    return () => {
      removeEventListener("keydown", slash);
      clearTimeout(timer.current);
    };
  }, []);
  const go = (value: string): void => route(`/search?q=${encodeURIComponent(value)}`, path === "/search");
  return (
    <form
      class="find"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        clearTimeout(timer.current);
        go(text);
      }}
    >
      <label>
        <Icon name="search" />
        <span class="unseen">Search titles, people</span>
        <input
          ref={input}
          type="search"
          value={text}
          placeholder="Search titles, people"
          autocomplete="off"
          onFocus={() => {
            if (matchMedia("(max-width: 760px)").matches && path !== "/search") route("/search");
          }}
          onInput={(event) => {
            const value = event.currentTarget.value;
            setText(value);
            clearTimeout(timer.current);
            timer.current = setTimeout(() => go(value), 150);
          }}
        />
        <kbd aria-hidden="true">/</kbd>
      </label>
    </form>
  );
}

function Me(): JSX.Element {
  const menu = useRef<HTMLDetailsElement>(null);
  const { route, url } = useLocation();
  useEffect(() => {
    if (menu.current) menu.current.open = false;
  }, [url]);
  useEffect(() => {
    const outside = (event: Event): void => {
      const at = menu.current;
      if (!at?.open) return;
      if (event instanceof KeyboardEvent) {
        if (event.key !== "Escape") return;
        at.querySelector("summary")?.focus();
      } else if (at.contains(event.target as Node)) return;
      at.open = false;
    };
    addEventListener("pointerdown", outside);
    addEventListener("focusin", outside);
    addEventListener("keydown", outside);
    return () => {
      removeEventListener("pointerdown", outside);
      removeEventListener("focusin", outside);
      removeEventListener("keydown", outside);
    };
  }, []);
  const profile = me.value;
  return (
    <details class="me" ref={menu}>
      <summary aria-label={profile ? `Profile: ${profile.name}. Menu` : "Menu"}>
        {profile ? (
          <Avatar name={profile.name} avatar={profile.avatar} />
        ) : (
          <span class="avatar nobody" aria-hidden="true">
            <Icon name="members" />
          </span>
        )}
      </summary>
      <ul class="panel">
        <li>
          <a href="/profiles">{profile ? "Change profile" : "Choose a profile"}</a>
        </li>
        {!who.value?.kids && (
          <li>
            <a href="/account">Account and devices</a>
          </li>
        )}
        {!who.value?.kids && (
          <li>
            <a href="/link">Sign in a television</a>
          </li>
        )}
        {operator.value && (
          <li>
            <a href="/console" target="_self">
              Console
            </a>
          </li>
        )}
        {!who.value?.kids && (
          <li>
            <button type="button" onClick={() => void signOut().finally(() => route("/"))}>
              Sign out
            </button>
          </li>
        )}
      </ul>
    </details>
  );
}

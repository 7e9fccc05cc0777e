/** What stands around every page of the console: the ways, how many ingests run, the dashboard, the services' documents. */
import { useLocation } from "preact-iso";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { Icon, Mark, type IconName } from "../ui/Icon.tsx";
import { StatusContext, usePolledStatus } from "./now.ts";

const WAYS: readonly { href: string; label: string; icon: IconName }[] = [
  { href: "/console", label: "Overview", icon: "home" },
  { href: "/console/ingest", label: "Ingest", icon: "ingest" },
  { href: "/console/titles", label: "Titles", icon: "titles" },
  { href: "/console/services", label: "Services", icon: "services" },
  { href: "/console/edges", label: "Edges", icon: "edges" },
  { href: "/console/sessions", label: "Sessions", icon: "sessions" },
  { href: "/console/members", label: "Members", icon: "members" },
  { href: "/console/audit", label: "Audit", icon: "audit" },
];

export function Shell({ children }: { children: ComponentChildren }): JSX.Element {
  const { path } = useLocation();
  const status = usePolledStatus();
  const nav = useRef<HTMLElement>(null);
  // On a narrow screen the ways are a bar that scrolls: where one is must be in sight.
  useEffect(() => {
    const [bar, here] = [nav.current, nav.current?.querySelector<HTMLElement>("[aria-current]")];
    if (bar && here) bar.scrollLeft = here.offsetLeft - (bar.clientWidth - here.offsetWidth) / 2;
  }, [path]);
  const jobs = status.data?.jobs.length ?? 0;
  const dashboard = status.data?.dashboard_url;
  // The sites are an application too, but nothing that programs ask.
  const documented = status.data?.applications.filter(({ prefix }) => prefix !== "/") ?? [];
  return (
    <div class="console">
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="side">
        <Mark href="/console" label="Matinee console" />
        <small>projection booth</small>
        <nav aria-label="Console" ref={nav} data-row>
          <ul>
            {WAYS.map(({ href, label, icon }) => (
              <li key={href}>
                <a
                  class="way"
                  href={href}
                  aria-current={
                    path === href ? "page" : href !== "/console" && path.startsWith(`${href}/`) ? "true" : undefined
                  }
                >
                  <Icon name={icon} />
                  {label}
                  {href === "/console/ingest" && jobs > 0 && (
                    <span class="n">
                      {jobs}
                      <span class="unseen"> {jobs === 1 ? "job" : "jobs"} running</span>
                    </span>
                  )}
                </a>
              </li>
            ))}
          </ul>
          <ul class="last">
            {documented.length > 0 && (
              <li class="documents">
                <details>
                  <summary class="way">
                    <Icon name="info" />
                    Documents
                  </summary>
                  <ul aria-label="Documents of the services">
                    {documented.map(({ name, prefix }) => (
                      <li key={name}>
                        <a class="way" href={`${prefix}/docs`} target="_blank" rel="noopener">
                          {name}
                          <span class="unseen"> (in a new tab)</span>
                        </a>
                      </li>
                    ))}
                  </ul>
                </details>
              </li>
            )}
            {dashboard && /^https?:\/\//.test(dashboard) && (
              <li>
                <a
                  class="way"
                  href={dashboard}
                  target="_blank"
                  rel="noopener noreferrer"
                  title="On a laptop it can be reached from that machine only"
                >
                  <Icon name="out" />
                  Ray dashboard
                  <span class="unseen"> (in a new tab)</span>
                </a>
              </li>
            )}
            <li>
              <a class="way" href="/" target="_self">
                <Icon name="back" />
                Back to the site
              </a>
            </li>
          </ul>
        </nav>
      </header>
      <StatusContext.Provider value={status}>
        <main id="main">{children}</main>
      </StatusContext.Provider>
    </div>
  );
}

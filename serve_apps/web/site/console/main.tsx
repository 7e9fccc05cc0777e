/** The operators' console; whoever is none is told so. A page a file, loaded when it is first opened. */
import "../ui/base.css";
import "./console.css";

import { ErrorBoundary, lazy, LocationProvider, Route, Router } from "preact-iso";
import { render } from "preact";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { moveByArrows } from "../lib/focus.ts";
import { usePage } from "../lib/page.ts";
import { arrive, arriving, operator, who } from "../lib/session.ts";
import { followTheme } from "../lib/theme.ts";
import { Mark } from "../ui/Icon.tsx";
import { Empty, Failed } from "../ui/States.tsx";
import { Toasts } from "../ui/Toasts.tsx";
import { Shell } from "./Shell.tsx";

/** A page's program may be gone: a newer version of the site runs, or the network is down. */
function page(load: () => Promise<{ default: () => JSX.Element }>): () => JSX.Element {
  return lazy(() => load().catch(() => ({ default: NotLoaded })));
}

const Audit = page(() => import("./pages/Audit.tsx"));
const Edges = page(() => import("./pages/Edges.tsx"));
const Ingest = page(() => import("./pages/Ingest.tsx"));
const Member = page(() => import("./pages/Member.tsx"));
const Members = page(() => import("./pages/Members.tsx"));
const Overview = page(() => import("./pages/Overview.tsx"));
const Services = page(() => import("./pages/Services.tsx"));
const Sessions = page(() => import("./pages/Sessions.tsx"));
const TitleEdit = page(() => import("./pages/TitleEdit.tsx"));
const Titles = page(() => import("./pages/Titles.tsx"));

function App(): JSX.Element | null {
  useEffect(moveByArrows, []);
  if (who.value === undefined) return <Arriving />;
  if (who.value === null) return <ToSignIn />;
  if (!operator.value) return <NoOperator />;
  return (
    <>
      <Shell>
        <ErrorBoundary>
          <Router>
            <Route path="/console" component={Overview} />
            <Route path="/console/ingest" component={Ingest} />
            <Route path="/console/titles" component={Titles} />
            <Route path="/console/titles/:titleId" component={TitleEdit} />
            <Route path="/console/services" component={Services} />
            <Route path="/console/edges" component={Edges} />
            <Route path="/console/sessions" component={Sessions} />
            <Route path="/console/members" component={Members} />
            <Route path="/console/members/:accountId" component={Member} />
            <Route path="/console/audit" component={Audit} />
            <Route default component={Nowhere} />
          </Router>
        </ErrorBoundary>
      </Shell>
      <Toasts />
    </>
  );
}

function Arriving(): JSX.Element {
  return (
    <main class="alone" aria-busy="true">
      {arriving.value && (
        <>
          <Mark />
          <Failed
            problem={arriving.value}
            what="Matinee does not answer yet"
            kept="It is asked again by itself."
            level={1}
          />
        </>
      )}
    </main>
  );
}

/** Signing in is the members' site's: another document, so a whole new page. */
function ToSignIn(): JSX.Element {
  useEffect(() => {
    location.replace(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  }, []);
  return <main class="alone" aria-busy="true" />;
}

function NoOperator(): JSX.Element {
  usePage("For operators", "Matinee console");
  const isOperator = who.value?.roles.includes("operator");
  return (
    <main class="alone">
      <Mark />
      <Empty title="The console is for operators" level={1}>
        {isOperator ? (
          <p>A kids profile watches on this device. Choose another profile, then come back.</p>
        ) : (
          <p>This account watches films here. Whoever runs this Matinee can make it an operator’s.</p>
        )}
        <div class="acts">
          <a class="btn go" href={isOperator ? "/profiles?next=%2Fconsole" : "/"}>
            {isOperator ? "Choose a profile" : "Go to the site"}
          </a>
        </div>
      </Empty>
    </main>
  );
}

function NotLoaded(): JSX.Element {
  usePage("Not loaded", "Matinee console");
  return (
    <Empty title="This page could not be loaded" level={1}>
      <p>A newer version of Matinee may run by now, or the network is down.</p>
      <button class="btn" type="button" onClick={() => location.reload()}>
        Load it again
      </button>
    </Empty>
  );
}

function Nowhere(): JSX.Element {
  usePage("Nothing here", "Matinee console");
  return (
    <Empty title="There is nothing at this address" level={1}>
      <p>The link may be old, or a letter is missing.</p>
      <a class="btn" href="/console">
        Go to the overview
      </a>
    </Empty>
  );
}

followTheme();
void arrive();
render(
  <LocationProvider scope={/^\/console(?:[/?#]|$)/}>
    <App />
  </LocationProvider>,
  document.getElementById("app")!,
);

// While it is worked on (`just web`): what was edited is drawn anew, and who is here stays.
import.meta.hot?.accept();

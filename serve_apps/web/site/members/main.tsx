/** The members' site: who is here decides which pages there are. */
import "../ui/base.css";
import "./members.css";

import { effect } from "@preact/signals";
import { render } from "preact";
import { ErrorBoundary, lazy, LocationProvider, Route, Router, useLocation } from "preact-iso";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { moveByArrows } from "../lib/focus.ts";
import { usePage } from "../lib/page.ts";
import { stayKnown } from "../lib/presence.ts";
import { arrive, arriving, signedOutBecause, who } from "../lib/session.ts";
import { followTheme } from "../lib/theme.ts";
import { Empty, Failed } from "../ui/States.tsx";
import { Mark } from "../ui/Icon.tsx";
import { Toasts } from "../ui/Toasts.tsx";
import { readMe } from "./profile.ts";
import { Home } from "./pages/Home.tsx";
import { Shell } from "./Shell.tsx";

/** A page's program may be gone: a newer version of the site runs, or the network is down. */
function page<Props extends {}>(load: () => Promise<{ default: (props: Props) => JSX.Element }>) {
  return lazy(() => load().catch(() => ({ default: NotLoaded as (props: Props) => JSX.Element })));
}

const Account = page(() => import("./pages/Account.tsx"));
const Browse = page(() => import("./pages/Browse.tsx"));
const Link = page(() => import("./pages/Link.tsx"));
const MyList = page(() => import("./pages/MyList.tsx"));
const Profiles = page(() => import("./pages/Profiles.tsx"));
const Reset = page(() => import("./pages/Reset.tsx"));
const Search = page(() => import("./pages/Search.tsx"));
const SignIn = page(() => import("./pages/SignIn.tsx"));
const SignUp = page(() => import("./pages/SignUp.tsx"));
const TitlePage = page(() => import("./pages/TitlePage.tsx"));
const Tv = page(() => import("./pages/Tv.tsx"));
const Watch = page(() => import("./pages/Watch.tsx"));
const Welcome = page(() => import("./pages/Welcome.tsx"));

function App(): JSX.Element {
  useEffect(moveByArrows, []);
  useEffect(stayKnown, []);
  if (who.value === undefined) return <Arriving />;
  return (
    <>
      {who.value === null ? <Strangers /> : who.value.profileId === null ? <NobodyChosen /> : <Viewers />}
      <Toasts />
    </>
  );
}

function Arriving(): JSX.Element {
  // Nothing at all while it goes well: it takes a moment. Words where the system does not answer.
  return (
    <main class="plain" aria-busy="true">
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

function Strangers(): JSX.Element {
  return (
    <Pages>
      <Route path="/" component={signedOutBecause.value ? ToSignIn : Welcome} />
      <Route path="/sign-in" component={SignIn} />
      <Route path="/sign-up" component={SignUp} />
      <Route path="/tv" component={Tv} />
      <Route path="/reset" component={Reset} />
      <Route default component={ToSignIn} />
    </Pages>
  );
}

function NobodyChosen(): JSX.Element {
  return (
    <Shell>
      <Pages>
        <Route path="/profiles" component={Profiles} />
        <Route path="/account" component={Account} />
        <Route path="/link" component={Link} />
        <Route path="/reset" component={Reset} />
        <Route default component={ToProfiles} />
      </Pages>
    </Shell>
  );
}

function Viewers(): JSX.Element {
  const { path } = useLocation();
  if (path.startsWith("/watch/")) {
    return (
      <Pages>
        <Route path="/watch/:playableId" component={Watch} />
      </Pages>
    );
  }
  return (
    <Shell>
      <Pages>
        <Route path="/" component={Home} />
        <Route path="/films" component={Browse} kind="film" />
        <Route path="/series" component={Browse} kind="series" />
        <Route path="/title/:titleId" component={TitlePage} />
        <Route path="/series/:titleId" component={TitlePage} />
        <Route path="/search" component={Search} />
        <Route path="/list" component={MyList} />
        <Route path="/profiles" component={Profiles} />
        <Route path="/account" component={Account} />
        <Route path="/link" component={Link} />
        <Route path="/reset" component={Reset} />
        <Route path="/sign-in" component={Home} />
        <Route path="/sign-up" component={Home} />
        <Route path="/tv" component={Home} />
        <Route default component={Nowhere} />
      </Pages>
    </Shell>
  );
}

function Pages({ children }: { children: JSX.Element | JSX.Element[] }): JSX.Element {
  return (
    <ErrorBoundary>
      <Router>{[children].flat()}</Router>
    </ErrorBoundary>
  );
}

function ToSignIn(): null {
  const { url, route } = useLocation();
  useEffect(() => route(`/sign-in?next=${encodeURIComponent(url)}`, true), []);
  return null;
}

function ToProfiles(): null {
  const { url, route } = useLocation();
  useEffect(
    () =>
      route(url === "/" || /^\/(sign-|tv)/.test(url) ? "/profiles" : `/profiles?next=${encodeURIComponent(url)}`, true),
    [],
  );
  return null;
}

function NotLoaded(): JSX.Element {
  usePage("Not loaded");
  const { path } = useLocation();
  const inShell = who.value && !path.startsWith("/watch/");
  const Box = inShell ? "div" : "main";
  return (
    <Box class={inShell ? "page" : "plain"}>
      <Empty title="This page could not be loaded" level={1}>
        <p>A newer version of Matinee may run by now, or the network is down.</p>
        <button class="btn" type="button" onClick={() => location.reload()}>
          Load it again
        </button>
      </Empty>
    </Box>
  );
}

function Nowhere(): JSX.Element {
  usePage("Nothing here");
  return (
    <div class="page">
      <Empty title="There is nothing at this address" level={1}>
        <p>The link may be old, or a letter is missing.</p>
        <a class="btn" href="/">
          Go home
        </a>
      </Empty>
    </div>
  );
}

followTheme();
effect(() => {
  if (who.value?.profileId) void readMe().catch(() => undefined);
});
void arrive();
render(
  <LocationProvider scope={/^(?!\/console|\/api)/}>
    <App />
  </LocationProvider>,
  document.getElementById("app")!,
);

// While it is worked on (`just web`): what was edited is drawn anew, and who is here stays.
import.meta.hot?.accept();

/**
 * Loads for hls.js from whichever edge delivers: what one edge fails is asked of the next at once, inside the same request. hls.js
 * never sees it, so the buffer, the place and the quality stay. Only what all edges fail is an error.
 */
import { Hls } from "hls-video-element";
import type { HlsConfig, Loader, LoaderCallbacks, LoaderConfiguration, LoaderContext, LoaderStats } from "hls.js";

import { isEdgesFault, type Edges } from "./edges.ts";

/** A loader class, as hls.js wants it in its configuration. */
export function loaderOver(edges: Edges): HlsConfig["loader"] {
  const Inner = Hls.DefaultConfig.loader;

  return class implements Loader<LoaderContext> {
    context: LoaderContext | null = null;
    private readonly settings: HlsConfig;
    private inner: Loader<LoaderContext>;
    private over = false;

    constructor(settings: HlsConfig) {
      this.settings = settings;
      this.inner = new Inner(settings);
    }

    get stats(): LoaderStats {
      return this.inner.stats;
    }

    load(context: LoaderContext, config: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>): void {
      this.context = context;
      const asked = context.url;
      const tried = new Set<string>();
      const ask = (edge: string): void => {
        tried.add(edge);
        context.url = edges.on(asked, edge);
        const next = (): boolean => {
          edges.failed(edge, performance.now());
          const other = edges.pick(tried, performance.now());
          if (other === null || this.over) return false;
          const { stats } = this.inner;
          this.inner.destroy();
          this.inner = new Inner(this.settings);
          // hls.js holds on to the stats of the fragment it asked for: they go on being the ones that are filled.
          this.inner.stats = Object.assign(stats, { ...this.inner.stats });
          ask(other);
          return true;
        };
        // While another edge is left, it is asked at once instead of this one again.
        const patient = tried.size >= edges.count;
        const loadPolicy = patient ? config.loadPolicy : { ...config.loadPolicy, errorRetry: null, timeoutRetry: null };
        this.inner.load(
          context,
          { ...config, loadPolicy },
          {
            ...callbacks,
            onSuccess: (response, stats, its, details) => {
              edges.delivered(edge);
              callbacks.onSuccess(response, stats, its, details);
            },
            onError: (error, its, details, stats) => {
              if (!isEdgesFault(error.code) || !next()) callbacks.onError(error, its, details, stats);
            },
            onTimeout: (stats, its, details) => {
              if (!next()) callbacks.onTimeout(stats, its, details);
            },
          },
        );
      };
      ask(edges.pick(tried, performance.now()) ?? edges.here);
    }

    abort(): void {
      this.over = true;
      this.inner.abort();
    }

    destroy(): void {
      this.over = true;
      this.inner.destroy();
      this.context = null;
    }

    getCacheAge(): number | null {
      return this.inner.getCacheAge?.() ?? null;
    }

    getResponseHeader(name: string): string | null {
      return this.inner.getResponseHeader?.(name) ?? null;
    }
  };
}

/** A small line chart of the minutes since the console was opened; what it shows is also said in words. */
import "uplot/dist/uPlot.min.css";

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";

import { timeOfDay } from "../lib/format.ts";
import type { Sample } from "./history.ts";

export interface Line {
  readonly of: (sample: Sample) => number | null;
  /** A token of ui/tokens.css, without its dashes. */
  readonly colour: "sun-ink" | "sky" | "mint" | "rose";
}

/** Where the lines end at the top: a round number above all, so that a chart of noughts is no noise. */
function top(_: uPlot, __: number, most: number | null): [number, number] {
  const least = Math.max(most ?? 0, 4);
  const step = 10 ** Math.floor(Math.log10(least));
  return [0, Math.ceil((least * 1.1) / step) * step];
}

export function Chart({
  label,
  samples,
  lines,
  height = 80,
  axes = false,
}: {
  /** What the picture says, for those who do not see it. */
  label: string;
  samples: readonly Sample[];
  lines: readonly Line[];
  height?: number;
  axes?: boolean;
}): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const data = (): uPlot.AlignedData => [samples.map(({ atS }) => atS), ...lines.map(({ of }) => samples.map(of))];
  const latest = useRef(data);
  latest.current = data;
  useEffect(() => {
    const element = place.current!;
    const stops: (() => void)[] = [];
    let gone = false;
    // Figures and words are the page, the picture comes when it comes: where it cannot be drawn, they stay.
    void import("uplot").then(
      ({ default: Plot }) => {
        if (gone) return;
        const draw = (): void => {
          chart.current?.destroy();
          chart.current = new Plot(options(element, lines, height, axes), latest.current(), element);
        };
        draw();
        // Colours are read when it is drawn: a change of theme draws anew, and so does the font when it has come.
        const theme = new MutationObserver(draw);
        theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
        void document.fonts?.ready.then(() => !gone && draw());
        const size = new ResizeObserver(() => chart.current?.setSize({ width: element.clientWidth, height }));
        size.observe(element);
        stops.push(
          () => theme.disconnect(),
          () => size.disconnect(),
          () => chart.current?.destroy(),
        );
      },
      () => undefined,
    );
    return () => {
      gone = true;
      for (const stop of stops) stop();
    };
  }, []);
  useEffect(() => chart.current?.setData(data()), [samples]);
  return <div class="chart" role="img" aria-label={label} style={{ height: `${height}px` }} ref={place} />;
}

function options(element: HTMLElement, lines: readonly Line[], height: number, axes: boolean): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (token: string): string => style.getPropertyValue(`--${token}`).trim();
  const axis: uPlot.Axis = axes
    ? {
        stroke: colour("dim"),
        grid: { stroke: `${colour("rail")}77`, width: 1 },
        ticks: { show: false },
        font: `13px ${style.getPropertyValue("--text")}`,
      }
    : { show: false };
  return {
    width: element.clientWidth,
    height,
    padding: axes ? [8, 20, 0, 0] : [6, 0, 2, 0],
    legend: { show: false },
    cursor: { show: false },
    // At least a minute wide: two samples are no mountain.
    scales: { x: { range: (_, min, max) => [Math.min(min ?? 0, (max ?? 0) - 60), max ?? 0] }, y: { range: top } },
    series: [
      {},
      ...lines.map((line) => ({
        stroke: colour(line.colour),
        width: 2.5,
        fill: `${colour(line.colour)}26`,
        points: { show: false },
      })),
    ],
    axes: [
      // Whole minutes, so that no time of day is written twice.
      {
        ...axis,
        size: 28,
        incrs: [60, 120, 300, 600],
        values: (_, splits) => splits.map((atS) => timeOfDay(atS * 1000)),
      },
      { ...axis, size: 56, values: (_, splits) => splits.map((value) => value.toLocaleString("en")) },
    ],
  };
}

/** /watch/:playableId: the player, from edge to edge. `?t=0` begins at the start, `?t=90` at 1:30. */
import type { JSX } from "preact";

import { Player } from "../../player/Player.tsx";

export default function Watch({
  playableId,
  query,
}: {
  playableId?: string;
  query?: Record<string, string>;
}): JSX.Element {
  const at = Number(query?.["t"] ?? NaN);
  return <Player playableId={playableId ?? ""} atS={Number.isFinite(at) && at >= 0 ? at : undefined} />;
}

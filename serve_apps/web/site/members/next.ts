/** Where to go after signing in: an address of our own, given as `?next=`. */
export function nextPath(query: Record<string, string | undefined>): string {
  const wish = query["next"] ?? "/";
  // `//elsewhere` and `/\elsewhere` are addresses of other hosts to a browser.
  return /^\/(?![/\\])/.test(wish) && !/[\u0000-\u001f]/.test(wish) ? wish : "/";
}

/** What this device is called in the list of devices: `Firefox on Linux`. */
export function deviceName(agent: string = navigator.userAgent): string {
  const browser = /Edg\//.test(agent)
    ? "Edge"
    : /Firefox\//.test(agent)
      ? "Firefox"
      : /OPR\//.test(agent)
        ? "Opera"
        : /Chrome\//.test(agent)
          ? "Chrome"
          : /Safari\//.test(agent)
            ? "Safari"
            : "A browser";
  const system = /iPhone/.test(agent)
    ? "iPhone"
    : /iPad/.test(agent)
      ? "iPad"
      : /Android/.test(agent)
        ? "Android"
        : /Tizen/.test(agent)
          ? "a Samsung television"
          : /Web0S|webOS/.test(agent)
            ? "an LG television"
            : /Windows/.test(agent)
              ? "Windows"
              : /Mac OS X/.test(agent)
                ? "Mac"
                : /CrOS/.test(agent)
                  ? "ChromeOS"
                  : /Linux/.test(agent)
                    ? "Linux"
                    : "";
  return system ? `${browser} on ${system}` : browser;
}

/** Windows of the week: how many replicas are to be ready beforehand, in the windows' own time zones. Pure. */
import type { Scaling } from "../../contract/model.ts";

type Window = Scaling["windows"][number];

const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;

/** The most that any window that is open at `nowMs` asks for; 0 when none is. */
export function replicasOfWindows(windows: readonly Window[], nowMs: number): number {
  return windows
    .filter(window => isOpen(window, nowMs))
    .reduce((most, window) => Math.max(most, window.min), 0);
}

/** A window that ends before it begins ends on the next day; one that ends as it begins lasts all day. */
function isOpen(window: Window, nowMs: number): boolean {
  const now = toLocal(nowMs, window.zone);
  if (now === undefined) return false;
  const from = toMinutes(window.from);
  const to = toMinutes(window.to);
  const isToday = (window.days as readonly string[]).includes(days[now.day] ?? "");
  const yesterday = days[(now.day + 6) % 7] ?? "";
  if (from < to) return isToday && now.minutes >= from && now.minutes < to;
  if (isToday && now.minutes >= from) return true;
  return (window.days as readonly string[]).includes(yesterday) && now.minutes < to;
}

function toMinutes(time: string): number {
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return hours * 60 + minutes;
}

const formats = new Map<string, Intl.DateTimeFormat | undefined>();

function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  if (formats.has(zone)) return formats.get(zone);
  const format = isZone(zone)
    ? new Intl.DateTimeFormat("en-GB", {
        ...{ timeZone: zone, weekday: "short", hour: "2-digit", minute: "2-digit" },
        hourCycle: "h23",
      })
    : undefined;
  formats.set(zone, format);
  return format;
}

/** Whether this runtime knows the time zone. */
export function isZone(zone: string): boolean {
  try {
    return Intl.DateTimeFormat("en-GB", { timeZone: zone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

function toLocal(nowMs: number, zone: string): { day: number; minutes: number } | undefined {
  const format = formatOf(zone);
  if (format === undefined) return undefined;
  const parts = new Map(format.formatToParts(nowMs).map(part => [part.type, part.value]));
  const day = days.indexOf((parts.get("weekday") ?? "").toLowerCase().slice(0, 3) as "mon");
  return { day, minutes: Number(parts.get("hour")) * 60 + Number(parts.get("minute")) };
}

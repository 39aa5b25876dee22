// The colours of the sounds on the map, and what they mean.

const KINDS = 7; // as many colours can be told apart; all other kinds share one more
const STEPS = 5;
const UNITS = { duration: "s", rms_db: "dB" };

// Return the name of each sound's colour by one of its fields, and the names and meanings of those that are there.
export function colourBy(field, sounds) {
  if (field in UNITS && sounds.some((sound) => typeof sound[field] === "number")) return bySize(field, sounds);
  return byKind(field === "folder" ? groupFolders(sounds) : sounds.map((sound) => sound[field]), field);
}

// Of the folders that all sounds share only the next one says something of each.
function groupFolders(sounds) {
  const parts = sounds.map((sound) => sound.folder.split("/").slice(0, -1));
  let depth = 0;
  while (parts[0].length > depth && parts.every((folders) => folders[depth] === parts[0][depth])) depth += 1;
  return parts.map((folders) => folders.slice(0, depth + 1).map((name) => `${name}/`).join(""));
}

function byKind(values, field) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const kinds = [...counts.keys()].sort((one, other) => counts.get(other) - counts.get(one));
  const colourOf = new Map(kinds.map((kind, index) => [kind, index < KINDS ? `kind-${index}` : "kind-rest"]));
  const name = (kind) => kind || (field === "folder" ? "no folder" : "unknown");
  const legend = kinds.slice(0, KINDS).map((kind, index) => [`kind-${index}`, `${name(kind)} (${counts.get(kind)})`]);
  if (kinds.length > KINDS) legend.push(["kind-rest", `${kinds.length - KINDS} others`]);
  return [values.map((value) => colourOf.get(value)), legend];
}

function bySize(field, sounds) {
  const values = sounds.map((sound) => sound[field]).filter((value) => typeof value === "number").sort((one, other) => one - other);
  const bounds = [...Array(STEPS).keys()].map((step) => values[Math.min(Math.floor((step * values.length) / STEPS), values.length - 1)]);
  const colourOf = (value) => (typeof value === "number" ? `step-${bounds.slice(1).filter((bound) => value >= bound).length}` : "kind-rest");
  const legend = bounds.map((bound, step) => [`step-${step}`, `from ${bound.toFixed(1)} ${UNITS[field]}`]);
  return [sounds.map((sound) => colourOf(sound[field])), legend];
}

// What is dropped or chosen becomes files with names, and is described before any of it is sent.

const OTHER = /^(image|text)\/|^application\/(pdf|json|zip|xml|msword|vnd\.|x-(zip|7z|tar|rar|msdos))/; // surely no sounds

// Return the files that were dropped, those of folders too, as { file, name }; ``tell`` is called with their number.
export async function filesOf({ items, files }, tell) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...files].map((file) => ({ file, name: file.name }));
  const found = [];
  while (entries.length) {
    const entry = entries.shift();
    if (entry.isFile) {
      const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
      if (file) found.push({ file, name: entry.fullPath.replace(/^\//, "") });
      if (found.length % 100 === 0) tell(found.length);
      continue;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
      if (!some.length) break;
      entries.push(...some);
    }
  }
  return found;
}

// Whether a name is one that the system hides, such as .DS_Store, or is in a folder that is.
export function isHidden(name) {
  return name.split("/").some((part) => part.startsWith(".") || part === "Thumbs.db" || part === "desktop.ini");
}

// Whether a file is surely no sound, by what the browser takes its name for.
export function isOther(file) {
  return OTHER.test(file.type);
}

export function kindOf(name) {
  const match = /\.([A-Za-z0-9]{1,8})$/.exec(name);
  return match ? match[1].toUpperCase() : "without ending";
}

export function sizeText(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const value = bytes / 1000 ** step;
  return `${step && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[step]}`;
}

// Return how many there are of which kind, and how large they are, such as "3 files, 1.2 MB: 2 WAV, 1 TXT".
export function describe(files) {
  const counts = new Map();
  for (const { name } of files) counts.set(kindOf(name), (counts.get(kindOf(name)) ?? 0) + 1);
  const kinds = [...counts].sort((one, other) => other[1] - one[1]).map(([kind, count]) => `${count} ${kind}`);
  const size = files.reduce((sum, { file }) => sum + file.size, 0);
  const told = kinds.length > 6 ? [...kinds.slice(0, 5), `${kinds.length - 5} other kinds`] : kinds;
  return `${files.length} ${files.length === 1 ? "file" : "files"}, ${sizeText(size)}: ${told.join(", ")}`;
}

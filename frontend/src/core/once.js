// Says whether something is started here for the first time.
export function first(thing, name) {
  const mark = `bw${name}`;
  if (thing[mark]) return false;
  thing[mark] = true;
  return true;
}

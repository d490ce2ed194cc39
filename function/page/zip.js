// A ZIP archive of files that are compressed already, so stored as they are.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

// Little-endian numbers, given as [bytes each, value].
function numbers(...parts) {
  return Uint8Array.from(
    parts.flatMap(([size, value]) =>
      Array.from({ length: size }, (_, place) => (value / 256 ** place) & 255),
    ),
  );
}

// `files` are { name, blob, time }; names are ASCII.
export async function zip(files) {
  const bodies = [];
  const directory = [];
  let offset = 0;
  for (const { name, blob, time } of files) {
    const title = new TextEncoder().encode(name);
    const crc = crc32(new Uint8Array(await blob.arrayBuffer()));
    const at = new Date(time);
    const clock = (at.getHours() << 11) | (at.getMinutes() << 5) | (at.getSeconds() >> 1);
    const day = ((at.getFullYear() - 1980) << 9) | ((at.getMonth() + 1) << 5) | at.getDate();
    const common = [
      [2, 20],
      [2, 0],
      [2, 0],
      [2, clock],
      [2, day],
      [4, crc],
      [4, blob.size],
      [4, blob.size],
      [2, title.length],
      [2, 0],
    ];
    const head = numbers([4, 0x04034b50], ...common);
    bodies.push(head, title, blob);
    directory.push(
      numbers([4, 0x02014b50], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]),
      title,
    );
    offset += head.length + title.length + blob.size;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = [
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, files.length],
    [2, files.length],
    [4, size],
    [4, offset],
    [2, 0],
  ];
  return new Blob([...bodies, ...directory, numbers(...end)], { type: "application/zip" });
}

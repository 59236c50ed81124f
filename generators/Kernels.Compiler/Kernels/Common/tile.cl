// A work-group has ${rows} query rows and reads ${keys} keys at a time.
#define ROWS ${rows}
#define KEYS ${keys}
//: include ${kernel}#tile

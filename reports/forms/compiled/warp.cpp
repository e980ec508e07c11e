// `models/crop.py`'s sampling in one pass, byte for byte: the positions that OpenCV 4's
// warpPerspective computes in double and rounds to 1/32 pixel, and cv2.remap's interpolation there.
//
// Compiled with -ffp-contract=off: a fused multiply-add would round positions otherwise. Every
// stage is a plain loop over a row, which the compiler turns into vector instructions.

#include <cstdint>
#include <cstring>

constexpr int64_t MOST = 1024;  // columns; also the pixels of one of OpenCV 4's blocks
constexpr double ROUNDING = 1.5 * 4503599627370496.0 / 32;  // see `ROUNDING` in crop.py

struct Picture {
    const uint8_t* pixels;  // height × width × 3, both at least 2
    int64_t height, width;
};

// A row of the crop. `left` and `upper` are the first of two columns and rows of the picture, `x`
// and `y` the weights of the second ones, 0 to 32 (y times 512). Each pixel has four lanes, of which
// the last is of no use.
struct Row {
    double steps[3][MOST];
    int32_t across[MOST], down[MOST], left[MOST], upper[MOST];
    int16_t x[4 * MOST], y[4 * MOST];
    uint8_t corners[4][4 * MOST], mixed[4 * MOST];
};

// In 1/32 pixel. Beyond the edge (NaN: at 0) a position sees what it sees on the edge. The lowest
// bits of a double as large as ROUNDING are the whole number of its 1/32 parts.
static inline int32_t rounded(double position, double edge) {
    position = position > 0 ? position : 0.0;
    position = position < edge ? position : edge;
    position += ROUNDING;
    int64_t bits;
    memcpy(&bits, &position, sizeof bits);
    return (int32_t)bits;
}

// The positions of a block, whose first pixel has x, y and divisor `first`.
static void positions(Row& row, const double* first, int64_t start, int64_t count,
                      const Picture& of) {
    const double right = (double)(of.width - 1), bottom = (double)(of.height - 1);
    int32_t *across = row.across + start, *down = row.down + start;
    for (int64_t i = 0; i < count; ++i) {
        const double divisor = first[2] + row.steps[2][i];  // 0 in a region of no size
        const double scale = divisor != 0 ? 1.0 / (divisor != 0 ? divisor : 1.0) : 0.0;
        across[i] = rounded((first[0] + row.steps[0][i]) * scale, right);
        down[i] = rounded((first[1] + row.steps[1][i]) * scale, bottom);
    }
}

// Positions as columns, rows and weights. On the last column the weight is 32 from the one before.
static void split(Row& row, int64_t columns, const Picture& of) {
    const int32_t last_column = (int32_t)of.width - 2, last_row = (int32_t)of.height - 2;
    for (int64_t i = 0; i < columns; ++i) {
        const int32_t column = row.across[i] >> 5, line = row.down[i] >> 5;
        row.left[i] = column < last_column ? column : last_column;
        row.upper[i] = line < last_row ? line : last_row;
        const int16_t x = (int16_t)(row.across[i] - 32 * row.left[i]);
        const int16_t y = (int16_t)((row.down[i] - 32 * row.upper[i]) * 512);
        for (int64_t k = 0; k < 4; ++k) row.x[4 * i + k] = x;
        for (int64_t k = 0; k < 4; ++k) row.y[4 * i + k] = y;
    }
}

static inline uint32_t four_bytes(const uint8_t* from) {
    uint32_t bytes;
    memcpy(&bytes, from, sizeof bytes);
    return bytes;
}

// The four pixels around each position. The right ones are read with the byte before them, for
// there may be none after them; the machine is little-endian.
static void gather(Row& row, int64_t columns, const Picture& of) {
    for (int64_t i = 0; i < columns; ++i) {
        const uint8_t* upper = of.pixels + (row.upper[i] * of.width + row.left[i]) * 3;
        const uint8_t* lower = upper + of.width * 3;
        const uint32_t pixels[4] = {four_bytes(upper), four_bytes(upper + 2) >> 8,
                                    four_bytes(lower), four_bytes(lower + 2) >> 8};
        for (int64_t k = 0; k < 4; ++k) memcpy(row.corners[k] + 4 * i, pixels + k, 4);
    }
}

// cv2.remap gives floor((S + 512) / 1024) for S = (32 - y) U + y L, where U and L are the upper and
// lower pair, weighted by x: at most 32 · 255. That is floor((U + 16 + floor(y (L - U) / 32)) / 32),
// and no number here needs more than 16 bits but the product, whose upper half is the inner floor.
static void mix(Row& row, int64_t columns) {
    for (int64_t i = 0; i < 4 * columns; ++i) {
        const int16_t a = row.corners[0][i], b = row.corners[1][i];
        const int16_t c = row.corners[2][i], d = row.corners[3][i];
        const int16_t upper = (int16_t)(a * 32 + row.x[i] * (b - a));
        const int16_t lower = (int16_t)(c * 32 + row.x[i] * (d - c));
        const int16_t more = (int16_t)((row.y[i] * (int16_t)((lower - upper) * 4)) >> 16);
        row.mixed[i] = (uint8_t)((int16_t)(upper + 16 + more) >> 5);
    }
}

extern "C" {

int64_t most_columns() { return MOST; }

// The crop's pixels (rows × columns × 3, at most MOST columns) from a picture whose edge pixels
// repeat beyond it. `matrix` (3 × 3) leads from the crop's x, y, 1 to the picture's.
void warp(const uint8_t* pixels, int64_t height, int64_t width, const double* matrix, int64_t rows,
          int64_t columns, uint8_t* crop) {
    const Picture of = {pixels, height, width};
    int64_t wide = MOST / (rows < 16 ? rows : 16);  // of a block: OpenCV 4 adds up from its start
    if (columns < wide) wide = columns;
    Row row;
    for (int64_t k = 0; k < 3; ++k)
        for (int64_t i = 0; i < wide; ++i) row.steps[k][i] = matrix[3 * k] * (double)i;
    for (int64_t y = 0; y < rows; ++y) {
        for (int64_t start = 0; start < columns; start += wide) {
            double first[3];
            for (int64_t k = 0; k < 3; ++k) {
                const double* m = matrix + 3 * k;
                first[k] = (m[0] * (double)start + m[1] * (double)y) + m[2];
            }
            positions(row, first, start, columns - start < wide ? columns - start : wide, of);
        }
        split(row, columns, of);
        gather(row, columns, of);
        mix(row, columns);
        uint8_t* to = crop + y * columns * 3;
        for (int64_t i = 0; i < columns - 1; ++i) memcpy(to + 3 * i, row.mixed + 4 * i, 4);
        memcpy(to + 3 * (columns - 1), row.mixed + 4 * (columns - 1), 3);
    }
}
}

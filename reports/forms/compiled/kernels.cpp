// The layers of the hand models in float32, one image at a time: what `lower.py` wrote down as a
// list of steps is carried out by `run`, with the machine's own vector instructions.
//
// Maps lie in one arena of floats as height, width, channels. Each has a margin of zeros as wide as
// the padding of the layers that read it, so no layer pads or looks at edges; and as many channels
// as fill whole vectors, whose surplus holds zeros.
//
// A convolution is a matrix product: for every row of the kernel, the pixels under it lie side by
// side, so that one output pixel is a few runs of `run_length` inputs times the weights.
//
// A depthwise convolution is computed for a tile of pixels into a scratch buffer that stays in the
// cache, from where the pointwise convolution after it reads; activation, shortcut and addition
// happen in registers before the block is written.

#include <atomic>
#include <cstdint>
#include <thread>

#include "depthwise.h"
#include "product.h"
#include "steps.h"

static const float* pixel_in(const Step& s, const float* arena, int64_t y, int64_t x) {
    return arena + s.in.start + (y * s.in.row + x * s.in.pixel) * s.stride;
}

static float* pixel_out(const Step& s, float* arena, int64_t y, int64_t x) {
    return arena + s.out.start + y * s.out.row + x * s.out.pixel;
}

static const float* pixel_shortcut(const Step& s, const float* arena, int64_t y, int64_t x) {
    const int64_t halves = s.shortcut_kind == MAX_POOL ? 2 : 1;
    return arena + s.shortcut.start + (y * s.shortcut.row + x * s.shortcut.pixel) * halves;
}

// The inputs under the kernel's rows for row `y` of the output.
constexpr int64_t MOST_ROWS = 5;
static void rows_in(const Step& s, const float* arena, int64_t y, const float* (&rows)[MOST_ROWS]) {
    for (int64_t k = 0; k < MOST_ROWS && k < s.kernel_height; ++k)
        rows[k] = pixel_in(s, arena, y, 0) + k * s.in.row;
}

// The pixels of a tile from `first` on: where they are written, and what they have as shortcut.
static void targets(const Step& s, float* arena, int64_t first, int64_t pixels, Tile& tile) {
    for (int64_t p = 0, y = first / s.width, x = first % s.width; p < pixels; ++p) {
        tile.to[p] = pixel_out(s, arena, y, x);
        tile.other[p] = pixel_shortcut(s, arena, y, x);
        if (++x == s.width) x = 0, ++y;
    }
}

// The pixels of a tile, if `pixels` are to do: as equal as can be, whole blocks of 6.
static int64_t tile_pixels(const Step& s, int64_t pixels) {
    const int64_t channels = s.depthwise_vectors * LANES;
    int64_t most = TILE;
    if (s.kernel_height && SCRATCH / channels < most) most = SCRATCH / channels;
    const int64_t tiles = (pixels + most - 1) / most, equal = (pixels + tiles - 1) / tiles;
    const int64_t whole = (equal + 5) / 6 * 6;
    return whole < most ? whole : most;
}

// The pixels from `begin` to `end` of a convolution, counted row by row.
static void convolve(const Step& s, const float* weights, float* arena, float* scratch,
                     int64_t begin, int64_t end) {
    if (begin >= end) return;
    const int64_t channels = s.depthwise_vectors * LANES, most = tile_pixels(s, end - begin);
    Tile tile;
    for (int64_t first = begin; first < end; first += most) {
        const int64_t pixels = end - first < most ? end - first : most;
        for (int64_t p = 0; p < pixels;) {
            const int64_t y = (first + p) / s.width, x = (first + p) % s.width;
            const int64_t count = s.width - x < pixels - p ? s.width - x : pixels - p;
            if (s.kernel_height) {
                const float* rows[MOST_ROWS];
                rows_in(s, arena, y, rows);
                depthwise_run(s, weights, rows, x, count, scratch + p * channels, channels);
            }
            for (int64_t i = 0; i < count; ++i, ++p)
                tile.from[p] = s.kernel_height ? scratch + p * channels
                                               : pixel_in(s, arena, y, x + i);
        }
        targets(s, arena, first, pixels, tile);
        tile_product(s, weights, tile, pixels);
    }
}

// An expanding 1×1 convolution and the depthwise separable one after it, `band` rows of the output
// at a time. The rows between them are never all there: a ring holds those under the kernel, and
// after them a row of zeros. Each part of the work has a ring of its own.
static void expand_convolve(const Step& expand, const Step& s, const float* weights, float* arena,
                            float* scratch, int64_t begin, int64_t end, int64_t part) {
    const int64_t channels = s.depthwise_vectors * LANES;
    float* ring = arena + s.in.start + part * (s.ring + 1) * s.in.row;
    const auto slot = [&](int64_t y) {
        return ring + (y < 0 || y >= expand.height ? s.ring : y % s.ring) * s.in.row;
    };
    Tile tile;
    int64_t made = begin * s.stride + s.first_row;  // the next row of the expanded map
    for (int64_t row = begin; row < end; row += s.band) {
        const int64_t band = end - row < s.band ? end - row : s.band;
        const int64_t needed = (row + band - 1) * s.stride + s.first_row + s.kernel_height;
        for (made = made < 0 ? 0 : made; made < needed && made < expand.height; ++made) {
            const float* from = pixel_in(expand, arena, made, 0);
            float* to = slot(made) + s.ring_margin;
            for (int64_t x = 0; x < expand.width; x += TILE) {
                const int64_t count = expand.width - x < TILE ? expand.width - x : TILE;
                for (int64_t p = 0; p < count; ++p) {
                    tile.from[p] = tile.other[p] = from + (x + p) * expand.in.pixel;
                    tile.to[p] = to + (x + p) * s.in.pixel;
                }
                tile_product(expand, weights, tile, count);
            }
        }
        for (int64_t y = row; y < row + band; ++y) {
            const float* rows[MOST_ROWS];
            for (int64_t k = 0; k < s.kernel_height; ++k)
                rows[k] = slot(y * s.stride + s.first_row + k);
            float* to = scratch + (y - row) * s.width * channels;
            depthwise_run(s, weights, rows, 0, s.width, to, channels);
        }
        const int64_t pixels = band * s.width;
        for (int64_t p = 0; p < pixels; ++p) tile.from[p] = scratch + p * channels;
        targets(s, arena, row * s.width, pixels, tile);
        tile_product(s, weights, tile, pixels);
    }
}

static void resize(const Step& s, const float* weights, float* arena, int64_t begin, int64_t end) {
    const auto source = [](int64_t to, int64_t from_size, int64_t to_size, int64_t& low,
                           int64_t& high) {  // the weight of the higher one of two neighbours
        float at = (to + 0.5f) * ((float)from_size / to_size) - 0.5f;
        if (at < 0) at = 0;
        low = (int64_t)at < from_size - 1 ? (int64_t)at : from_size - 1;
        high = low + 1 < from_size ? low + 1 : low;
        return at - low;
    };
    for (int64_t p = begin; p < end; ++p) {
        const int64_t y = p / s.width, x = p % s.width;
        int64_t top, bottom, left, right;
        const float down = source(y, s.in_height, s.height, top, bottom);
        const float across = source(x, s.in_width, s.width, left, right);
        const float* a = pixel_in(s, arena, top, left);
        const float* b = pixel_in(s, arena, top, right);
        const float* c = pixel_in(s, arena, bottom, left);
        const float* d = pixel_in(s, arena, bottom, right);
        for (int64_t v = 0; v < s.vectors; ++v) {
            const int64_t at = v * LANES;
            const Vector upper = load(a + at) * (1 - across) + load(b + at) * across;
            const Vector lower = load(c + at) * (1 - across) + load(d + at) * across;
            Vector values[1][1] = {{upper * (1 - down) + lower * down}};
            const float* other = pixel_shortcut(s, arena, y, x);
            float* to = pixel_out(s, arena, y, x);
            finish(s, weights, &other, &to, v, values);
        }
    }
}

static void mean(const Step& s, float* arena) {
    for (int64_t v = 0; v < s.vectors; ++v) {
        Vector sum = {};
        for (int64_t y = 0; y < s.in_height; ++y)
            for (int64_t x = 0; x < s.in_width; ++x)
                sum += load(pixel_in(s, arena, y, x) + v * LANES);
        store(arena + s.out.start + v * LANES, sum / (float)(s.in_height * s.in_width));
    }
}

// The image, channels × height × width, as a map of as many channels.
static void take(const Step& s, const float* image, float* arena, int64_t begin, int64_t end) {
    const int64_t size = s.height * s.width;  // of a channel
    for (int64_t y = begin; y < end; ++y) {
        const float* from = image + y * s.width;
        float* __restrict to = pixel_out(s, arena, y, 0);
        if (s.vectors == 3 && s.out.pixel == 3) {  // compilers make it vectors
            for (int64_t x = 0; x < s.width; ++x) {
                to[3 * x] = from[x];
                to[3 * x + 1] = from[size + x];
                to[3 * x + 2] = from[2 * size + x];
            }
            continue;
        }
        for (int64_t c = 0; c < s.vectors; ++c)
            for (int64_t x = 0; x < s.width; ++x) to[x * s.out.pixel + c] = from[c * size + x];
    }
}

static void depthwise_alone(const Step& s, const float* weights, float* arena, int64_t begin,
                            int64_t end) {
    for (int64_t p = begin; p < end;) {
        const int64_t y = p / s.width, x = p % s.width;
        const int64_t count = s.width - x < end - p ? s.width - x : end - p;
        const float* rows[MOST_ROWS];
        rows_in(s, arena, y, rows);
        depthwise_run(s, weights, rows, x, count, pixel_out(s, arena, y, x), s.out.pixel);
        p += count;
    }
}

static void wait_for_all(std::atomic<int64_t>& arrived, int64_t all) {
    arrived.fetch_add(1);
    for (int64_t turn = 0; arrived.load() < all; ++turn)
        if (turn > 2000) std::this_thread::yield();
}

extern "C" {

// What `lower.py` has to know: LANES, SCRATCH, TILE, and the bytes of a step.
void sizes(int64_t* into) {
    into[0] = LANES;
    into[1] = SCRATCH;
    into[2] = TILE;
    into[3] = sizeof(Step);
}

// Part `part` of `parts` of all steps: each thread calls it with its own, and the same `arrived`,
// which is 0 before. `scratch` holds SCRATCH floats for each part; `image`: channels × height ×
// width.
void run(const Step* steps, int64_t count, const float* weights, float* arena, float* scratch,
         const float* image, int64_t part, int64_t parts, std::atomic<int64_t>* arrived) {
    float* own = scratch + part * SCRATCH;
    for (int64_t i = 0, waits = 0; i < count; ++i) {
        const Step& s = steps[i];
        const int64_t pixels = s.height * s.width, blocks = (pixels + 11) / 12;
        const int64_t begin = blocks * part / parts * 12;
        const int64_t end = part + 1 < parts ? blocks * (part + 1) / parts * 12 : pixels;
        const auto rows = [&](int64_t height, int64_t each) { return height * each / parts; };
        switch (s.kind) {
            case INPUT:
                take(s, image, arena, rows(s.height, part), rows(s.height, part + 1));
                break;
            case CONVOLUTION: convolve(s, weights, arena, own, begin, end); break;
            case DEPTHWISE: depthwise_alone(s, weights, arena, begin, end); break;
            case RESIZE: resize(s, weights, arena, begin, end); break;
            case MEAN: if (part == 0) mean(s, arena); break;
            case EXPANSION: {
                const Step& next = steps[++i];
                expand_convolve(s, next, weights, arena, own, rows(next.height, part),
                                rows(next.height, part + 1), part);
            }
        }
        if (parts > 1) wait_for_all(*arrived, ++waits * parts);
    }
}
}

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

#include <algorithm>
#include <cstdint>
#include <vector>

#include "depthwise.h"
#include "maps.h"
#include "product.h"
#include "steps.h"
#include "threads.h"

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
// after them a row of zeros. Each thread has a ring of its own.
static void expand_convolve(const Step& expand, const Step& s, const float* weights, float* arena,
                            float* scratch, int64_t begin, int64_t end, int64_t thread) {
    const int64_t channels = s.depthwise_vectors * LANES;
    float* ring = arena + s.in.start + thread * (s.ring + 1) * s.in.row;
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

// The parts into which a step is divided for `threads` threads: all have some blocks of 6 pixels.
static int64_t parts_of(const Step& s, int64_t threads) {
    const int64_t most = s.kind == MEAN ? 1 : s.height * s.width / 12;
    return most < 1 ? 1 : most < threads ? most : threads;
}

struct Image {
    const Step* steps;
    const float *weights, *image;
    float *arena, *scratch;
};

static void compute(const Image& of, int64_t step, int64_t part, int64_t parts, int64_t thread) {
    const Step& s = of.steps[step];
    const float* weights = of.weights;
    float *arena = of.arena, *scratch = of.scratch + thread * SCRATCH;
    const int64_t pixels = s.height * s.width, blocks = (pixels + 11) / 12;
    const int64_t begin = blocks * part / parts * 12;
    const int64_t end = part + 1 < parts ? blocks * (part + 1) / parts * 12 : pixels;
    const auto rows = [&](int64_t height, int64_t each) { return height * each / parts; };
    switch (s.kind) {
        case INPUT:
            take(s, of.image, arena, rows(s.height, part), rows(s.height, part + 1));
            break;
        case CONVOLUTION: convolve(s, weights, arena, scratch, begin, end); break;
        case DEPTHWISE: depthwise_alone(s, weights, arena, begin, end); break;
        case RESIZE: resize(s, weights, arena, begin, end); break;
        case MEAN: mean(s, arena); break;
        case EXPANSION: {
            const Step& next = of.steps[step + 1];
            expand_convolve(s, next, weights, arena, scratch, rows(next.height, part),
                            rows(next.height, part + 1), thread);
        }
    }
}

extern "C" {

// What `lower.py` has to know: LANES, SCRATCH, TILE, and the bytes of a step.
void sizes(int64_t* into) {
    into[0] = LANES;
    into[1] = SCRATCH;
    into[2] = TILE;
    into[3] = sizeof(Step);
}

// Threads that help the one that calls `run`.
Team* new_team(int64_t helpers) { return new Team(helpers); }
void free_team(Team* team) { delete team; }

// All steps of an image, channels × height × width, by `threads` threads; `team` may be null for
// one. `scratch` holds SCRATCH floats for each thread.
void run(Team* team, int64_t threads, const Step* steps, int64_t count, const float* weights,
         float* arena, float* scratch, const float* image) {
    const Image of = {steps, weights, image, arena, scratch};
    std::vector<int64_t> at, parts;
    for (int64_t i = 0; i < count; i += steps[i].kind == EXPANSION ? 2 : 1) {
        if (threads == 1) {
            compute(of, i, 0, 1, 0);
        } else {
            const int64_t rows = steps[i].kind == EXPANSION ? steps[i + 1].height : threads;
            at.push_back(i);
            parts.push_back(std::min(parts_of(steps[i], threads), rows));
        }
    }
    if (threads > 1)
        team->share(parts, [of, at](int64_t i, int64_t part, int64_t all, int64_t thread) {
            compute(of, at[i], part, all, thread);
        });
}
}

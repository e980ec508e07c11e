// The steps, and what happens to the values of a block before it is written.

#pragma once

#include <cstdint>
#ifdef __AVX512F__
constexpr int LANES = 16;
#else
constexpr int LANES = 8;  // two registers of NEON
#endif
typedef float Vector __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

constexpr int64_t TILE = 256;       // most pixels of a tile
constexpr int64_t SCRATCH = 32768;  // floats of a tile's depthwise results, 128 KiB
enum Kind : int64_t { INPUT, CONVOLUTION, DEPTHWISE, RESIZE, MEAN, EXPANSION };
enum Activation : int64_t { NONE, RELU, RELU6, PRELU, MAXIMUM };
enum Shortcut : int64_t { NO_SHORTCUT, SAME, MAX_POOL };

// A view of a map: where its first pixel lies, and the distances of rows and pixels.
struct View {
    int64_t start, row, pixel;
};

struct Activated {
    int64_t kind, slopes;  // slopes: where they lie among the weights
};

// All offsets count floats, `in`, `out` and `shortcut` in the arena, the others in the weights.
struct Step {
    int64_t kind;
    View in, out, shortcut;
    int64_t height, width;                // of the output
    int64_t in_height, in_width, stride;  // the first two for RESIZE, MEAN and INPUT
    int64_t kernel_height, kernel_width;  // of the depthwise part; 0 without one
    int64_t depthwise_vectors, depthwise_weights, depthwise_bias;
    Activated depthwise_activation;
    int64_t runs, run_row, run_length;    // of the matrix product, for an output pixel
    int64_t weights, bias, vectors;       // vectors of output channels
    Activated before, after;              // the addition of the shortcut
    int64_t shortcut_kind, shortcut_vectors, shortcut_activation;
    // after an EXPANSION: rows of the ring, of the output at a time, the input row of the first
    // output's kernel, and the floats before a ring row's first pixel
    int64_t ring, band, first_row, ring_margin;
};

static inline Vector load(const float* from) { return *(const Vector*)from; }
static inline void store(float* to, Vector value) { *(Vector*)to = value; }

// Applies an activation to M pixels × N vectors of channels from `vector` on.
template <int M, int N>
static inline void activate(Activated how, const float* weights, int64_t vector,
                            Vector (&x)[M][N]) {
    const Vector zero = {}, six = zero + 6.0f;
    Vector slopes[N];
    if (how.kind >= PRELU)
        for (int n = 0; n < N; ++n) slopes[n] = load(weights + how.slopes + (vector + n) * LANES);
    switch (how.kind) {  // NaN stays NaN
        case RELU:
            for (int m = 0; m < M; ++m)
                for (int n = 0; n < N; ++n) x[m][n] = x[m][n] < zero ? zero : x[m][n];
            break;
        case RELU6:
            for (int m = 0; m < M; ++m)
                for (int n = 0; n < N; ++n) {
                    x[m][n] = x[m][n] < zero ? zero : x[m][n];
                    x[m][n] = x[m][n] > six ? six : x[m][n];
                }
            break;
        case PRELU:
            for (int m = 0; m < M; ++m)
                for (int n = 0; n < N; ++n)
                    x[m][n] = x[m][n] < zero ? x[m][n] * slopes[n] : x[m][n];
            break;
        case MAXIMUM:
            for (int m = 0; m < M; ++m)
                for (int n = 0; n < N; ++n) {
                    const Vector scaled = x[m][n] * slopes[n];
                    x[m][n] = x[m][n] < scaled ? scaled : x[m][n];
                }
            break;
    }
}

// A vector of the shortcut's pixel `from`, halved by max pooling if that is its kind.
static inline Vector shortcut(const Step& s, const float* from) {
    Vector added = load(from);
    if (s.shortcut_kind == MAX_POOL) {
        const int64_t steps[3] = {s.shortcut.pixel, s.shortcut.row,
                                  s.shortcut.row + s.shortcut.pixel};
        for (int64_t step : steps) {
            const Vector next = load(from + step);
            added = added < next || next != next ? next : added;
        }
    }
    return added;
}

// Finishes M pixels × N vectors of channels and writes them. `others`: the shortcut's pixels.
template <int M, int N>
static inline void finish(const Step& s, const float* weights, const float* const* others,
                          float* const* to, int64_t vector, Vector (&x)[M][N]) {
    activate(s.before, weights, vector, x);
    if (vector < s.shortcut_vectors) {
        for (int m = 0; m < M; ++m)
            for (int n = 0; n < N; ++n) {
                if (vector + n >= s.shortcut_vectors) continue;
                Vector added[1][1] = {{shortcut(s, others[m] + (vector + n) * LANES)}};
                activate({s.shortcut_activation, 0}, weights, 0, added);
                x[m][n] += added[0][0];
            }
    }
    activate(s.after, weights, vector, x);
    for (int m = 0; m < M; ++m)
        for (int n = 0; n < N; ++n) store(to[m] + (vector + n) * LANES, x[m][n]);
}

// Where each pixel of a tile is read, written and has its shortcut.
struct Tile {
    const float* from[TILE];
    float* to[TILE];
    const float* other[TILE];
};

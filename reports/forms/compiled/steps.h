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
enum Activation : int64_t { NONE, CLAMP, PRELU, MAXIMUM };
enum Shortcut : int64_t { NO_SHORTCUT, SAME, CLAMPED, MAX_POOL };

// A view of a map: where its first pixel lies, and the distances of rows and pixels.
struct View {
    int64_t start, row, pixel;
};

struct Activated {
    int64_t kind, values;  // where they lie: the lower and upper limit of CLAMP, or the slopes
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
    int64_t shortcut_kind, shortcut_vectors, limits;  // limits: of a CLAMPED shortcut
    // after an EXPANSION: rows of the ring, of the output at a time, the input row of the first
    // output's kernel, and the floats before a ring row's first pixel
    int64_t ring, band, first_row, ring_margin;
};

// Loops over a block are unrolled, or its values would not stay in registers.
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

INLINE Vector load(const float* from) { return *(const Vector*)from; }
INLINE void store(float* to, Vector value) { *(Vector*)to = value; }

INLINE Vector clamp(Vector x, Vector low, Vector high) {  // NaN stays NaN
    x = x < low ? low : x;
    return x > high ? high : x;
}

// Applies an activation to M pixels × N vectors of channels from `vector` on. NaN stays NaN.
template <int M, int N>
INLINE void activate(Activated how, const float* weights, int64_t vector, Vector (&x)[M][N]) {
    const float* values = weights + how.values;
    if (how.kind == PRELU) {
        const Vector zero = {};
        UNROLL for (int n = 0; n < N; ++n) {
            const Vector slopes = load(values + (vector + n) * LANES);
            UNROLL for (int m = 0; m < M; ++m)
                x[m][n] = x[m][n] < zero ? x[m][n] * slopes : x[m][n];
        }
    } else if (how.kind == CLAMP) {
        const Vector low = load(values), high = load(values + LANES);
        UNROLL for (int m = 0; m < M; ++m)
            UNROLL for (int n = 0; n < N; ++n) x[m][n] = clamp(x[m][n], low, high);
    } else if (how.kind == MAXIMUM) {
        UNROLL for (int n = 0; n < N; ++n) {
            const Vector slopes = load(values + (vector + n) * LANES);
            UNROLL for (int m = 0; m < M; ++m) {
                const Vector scaled = x[m][n] * slopes;
                x[m][n] = x[m][n] < scaled ? scaled : x[m][n];
            }
        }
    }
}

// A vector of the shortcut's pixel `from`, halved by max pooling.
INLINE Vector pooled(const Step& s, const float* from) {
    Vector most = load(from);
    const int64_t steps[3] = {s.shortcut.pixel, s.shortcut.row, s.shortcut.row + s.shortcut.pixel};
    UNROLL for (int i = 0; i < 3; ++i) {
        const Vector next = load(from + steps[i]);
        most = most < next || next != next ? next : most;
    }
    return most;
}

// Adds the shortcut's pixels `others`.
template <Shortcut KIND, int M, int N>
INLINE void add_shortcut(const Step& s, const float* weights, const float* const* others,
                         int64_t vector, Vector (&x)[M][N]) {
    Vector low, high;
    if (KIND == CLAMPED) low = load(weights + s.limits), high = load(weights + s.limits + LANES);
    UNROLL for (int n = 0; n < N; ++n) {
        const int64_t at = (vector + n) * LANES;
        if (vector + n >= s.shortcut_vectors) return;
        UNROLL for (int m = 0; m < M; ++m) {
            if (KIND == SAME) x[m][n] += load(others[m] + at);
            if (KIND == CLAMPED) x[m][n] += clamp(load(others[m] + at), low, high);
            if (KIND == MAX_POOL) x[m][n] += pooled(s, others[m] + at);
        }
    }
}

// Finishes M pixels × N vectors of channels and writes them. `others`: the shortcut's pixels.
template <int M, int N>
INLINE void finish(const Step& s, const float* weights, const float* const* others,
                   float* const* to, int64_t vector, Vector (&x)[M][N]) {
    activate(s.before, weights, vector, x);
    switch (s.shortcut_kind) {
        case SAME: add_shortcut<SAME>(s, weights, others, vector, x); break;
        case CLAMPED: add_shortcut<CLAMPED>(s, weights, others, vector, x); break;
        case MAX_POOL: add_shortcut<MAX_POOL>(s, weights, others, vector, x);
    }
    activate(s.after, weights, vector, x);
    UNROLL for (int m = 0; m < M; ++m)
        UNROLL for (int n = 0; n < N; ++n) store(to[m] + (vector + n) * LANES, x[m][n]);
}

// Where each pixel of a tile is read, written and has its shortcut.
struct Tile {
    const float* from[TILE];
    float* to[TILE];
    const float* other[TILE];
};

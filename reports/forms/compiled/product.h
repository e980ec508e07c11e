// The matrix product: a block of 6 pixels × 2 vectors of channels is summed in registers. 12 sums are
// in flight, as many as two units of fused multiplication and addition with a latency of four cycles
// need; with two vectors of weights and a value they fill the 16 registers of AVX2.

#pragma once

#include "steps.h"

// `blocks` blocks of M pixels of a tile × N vectors of output channels.
template <int M, int N>
static void product(const Step& s, const float* weights, const float* panel, int64_t vector,
                    const Tile& tile, int64_t first, int64_t blocks) {
    for (const int64_t end = first + blocks * M; first < end; first += M) {
        Vector sums[M][N];
        const float* pixel[M];
        UNROLL for (int n = 0; n < N; ++n) {
            const Vector bias = load(weights + s.bias + (vector + n) * LANES);
            UNROLL for (int m = 0; m < M; ++m) sums[m][n] = bias;
        }
        UNROLL for (int m = 0; m < M; ++m) pixel[m] = tile.from[first + m];
        const float* columns = panel;
        for (int64_t run = 0; run < s.runs; ++run) {
#pragma GCC unroll 2
            for (int64_t k = 0; k < s.run_length; ++k, columns += N * LANES) {
                Vector column[N];
                UNROLL for (int n = 0; n < N; ++n) column[n] = load(columns + n * LANES);
                UNROLL for (int m = 0; m < M; ++m)
                    UNROLL for (int n = 0; n < N; ++n) sums[m][n] += column[n] * pixel[m][k];
            }
            UNROLL for (int m = 0; m < M; ++m) pixel[m] += s.run_row;
        }
        finish(s, weights, tile.other + first, tile.to + first, vector, sums);
    }
}

// `blocks` blocks of `count` ≤ M pixels.
template <int M, int N>
static void blocks_of(int64_t count, const Step& s, const float* weights, const float* panel,
                      int64_t vector, const Tile& tile, int64_t first, int64_t blocks) {
    if (count == M)
        product<M, N>(s, weights, panel, vector, tile, first, blocks);
    else if constexpr (M > 1)
        blocks_of<M - 1, N>(count, s, weights, panel, vector, tile, first, blocks);
}

template <int M, int N>
static void panel_product(const Step& s, const float* weights, const float* panel, int64_t vector,
                          const Tile& tile, int64_t pixels) {
    const int64_t blocks = (pixels + M - 1) / M;  // as equal as can be
    const int64_t least = pixels / blocks, larger = pixels % blocks;
    blocks_of<M, N>(least + 1, s, weights, panel, vector, tile, 0, larger);
    blocks_of<M, N>(least, s, weights, panel, vector, tile, larger * (least + 1), blocks - larger);
}

// A tile, panel by panel: a panel of weights stays in the first cache while all pixels pass. Panels
// are two vectors wide; an odd number of vectors ends in one panel of three, or is a single one.
static void tile_product(const Step& s, const float* weights, const Tile& tile, int64_t pixels) {
    const float* panel = weights + s.weights;
    const int64_t size = s.runs * s.run_length * LANES;  // of one vector
    for (int64_t vector = 0, wide; vector < s.vectors; vector += wide, panel += wide * size) {
        const int64_t left = s.vectors - vector;
        wide = left == 3 || left == 1 ? left : 2;
        if (wide == 2)
            panel_product<6, 2>(s, weights, panel, vector, tile, pixels);
        else if (wide == 3)
            panel_product<4, 3>(s, weights, panel, vector, tile, pixels);
        else
            panel_product<8, 1>(s, weights, panel, vector, tile, pixels);
    }
}

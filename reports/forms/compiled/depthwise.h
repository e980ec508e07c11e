// The depthwise convolution of a row of pixels.

#pragma once

#include "steps.h"

// P adjacent output pixels of one row and one vector of channels, for a kernel of K × K. `rows`: the
// inputs under the kernel's rows; `at`: the vector in them. An input is loaded once for all outputs
// that it reaches; a row of the kernel stays in registers.
template <int K, int S, int P>
INLINE void depthwise(const float* const* rows, int64_t at, int64_t pixel,
                             const float* kernel, Vector (&sums)[P][1]) {
    for (int y = 0; y < K; ++y, kernel += K * LANES) {
        Vector taps[K];
#pragma GCC unroll 8
        for (int x = 0; x < K; ++x) taps[x] = load(kernel + x * LANES);
        const float* from = rows[y] + at;
#pragma GCC unroll 32
        for (int j = 0; j < (P - 1) * S + K; ++j, from += pixel) {
            const Vector value = load(from);
#pragma GCC unroll 8
            for (int p = 0; p < P; ++p) {
                const int x = j - p * S;
                if (0 <= x && x < K) sums[p][0] += value * taps[x];
            }
        }
    }
}

// The same for any kernel, one pixel at a time; its first row lies at `in`.
INLINE void any_depthwise(const Step& s, const float* in, const float* kernel,
                                 Vector& sum) {
    for (int64_t y = 0; y < s.kernel_height; ++y)
        for (int64_t x = 0; x < s.kernel_width; ++x, kernel += LANES)
            sum += load(in + y * s.in.row + x * s.in.pixel) * load(kernel);
}

// P pixels side by side, the first of them `skip` floats into the rows, all channels.
template <int K, int S, int P>
static void depthwise_pixels(const Step& s, const float* weights, const float* const* rows,
                             int64_t skip, float* to, int64_t to_pixel) {
    const int64_t vectors = s.depthwise_vectors, pixel = s.in.pixel;
    const int64_t size = s.kernel_height * s.kernel_width * LANES;  // of a vector's kernel
    const float* bias = weights + s.depthwise_bias;
    const float* kernel = weights + s.depthwise_weights;
    const Activated activation = s.depthwise_activation;
    for (int64_t vector = 0; vector < vectors; ++vector, kernel += size) {
        const int64_t at = vector * LANES;
        Vector sums[P][1];
        for (int p = 0; p < P; ++p) sums[p][0] = load(bias + at);
        if constexpr (K > 0)
            depthwise<K, S, P>(rows, skip + at, pixel, kernel, sums);
        else
            any_depthwise(s, rows[0] + skip + at, kernel, sums[0][0]);
        activate(activation, weights, vector, sums);
        for (int p = 0; p < P; ++p) store(to + p * to_pixel + at, sums[p][0]);
    }
}

// `count` pixels side by side, from pixel `x` of the output on: P at a time, then what is left.
template <int K, int S, int P>
static void depthwise_row(const Step& s, const float* weights, const float* const* rows, int64_t x,
                          int64_t count, float* to, int64_t to_pixel) {
    for (; count >= P; x += P, count -= P, to += P * to_pixel)
        depthwise_pixels<K, S, P>(s, weights, rows, x * s.stride * s.in.pixel, to, to_pixel);
    if constexpr (P > 1)
        if (count) depthwise_row<K, S, P - 1>(s, weights, rows, x, count, to, to_pixel);
}

static void depthwise_run(const Step& s, const float* weights, const float* const* rows, int64_t x,
                          int64_t count, float* to, int64_t to_pixel) {
    const bool square = s.kernel_height == s.kernel_width;
    switch (square && s.stride <= 2 ? 10 * s.kernel_height + s.stride : 0) {
        case 31: return depthwise_row<3, 1, 8>(s, weights, rows, x, count, to, to_pixel);
        case 32: return depthwise_row<3, 2, 8>(s, weights, rows, x, count, to, to_pixel);
        case 51: return depthwise_row<5, 1, 8>(s, weights, rows, x, count, to, to_pixel);
        case 52: return depthwise_row<5, 2, 8>(s, weights, rows, x, count, to, to_pixel);
        default: return depthwise_row<0, 1, 1>(s, weights, rows, x, count, to, to_pixel);
    }
}

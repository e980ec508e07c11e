// Where the pixels of maps lie, and the steps that are no convolutions.

#pragma once

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

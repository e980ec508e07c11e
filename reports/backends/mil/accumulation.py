"""How the executor adds up products: torch's way, or one of two others (`sequence` computes them).

`FLOAT16_SUMS`: a float16 sum is rounded after every step. Hardware sums in other orders and in
blocks; this is the bad end of it, and as such a bound.

`CORE_AI_SUMS`: what Apple's Core AI runtime computes on a CPU, found by comparing bits with
coreai-core 1.0.0b3. A convolution of float16 sums in float32, channel by channel and each kernel
row by row, one of float32 sums in float64; the bias joins the rounded sum. `linear` and `matmul`
round every product and every sum to the type of the values. Sums and means add in float32 in the
order of memory, and are rounded once. A bilinear resizing with half-pixel centres weighs the four
neighbours in float32. All other operations are computed as they always are.
"""

# float32 sums in torch's order and blocks; the two above
ACCUMULATIONS = FLOAT32_SUMS, FLOAT16_SUMS, CORE_AI_SUMS = "float32", "float16", "coreai"

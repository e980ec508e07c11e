// Angles as MediaPipe computes them: C's float32 functions, wrapping in double.
// Source: mediapipe/calculators/util/rect_transformation_calculator.cc

import Foundation

/// The equivalent angle in −π ≤ angle < π.
func normalisedRadians(_ angle: Float) -> Float {
  let wide = Double(angle)
  return Float(wide - 2 * Double.pi * ((wide + Double.pi) / (2 * Double.pi)).rounded(.down))
}

func radians(degrees: Float) -> Float {
  Float(Double(degrees) * (Double.pi / 180))
}

func sineAndCosine(_ angle: Float) -> (sine: Float, cosine: Float) {
  (sinf(angle), cosf(angle))
}

func arcTangent(_ y: Float, _ x: Float) -> Float {
  atan2f(y, x)
}

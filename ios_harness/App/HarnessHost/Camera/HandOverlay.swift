// The hands drawn over the preview: 21 dots coloured by depth, skeleton, boxes, score.

import PalmCore
import PalmScreens
import SwiftUI

struct HandOverlay: View {
  let report: FrameReport

  var body: some View {
    Canvas { context, size in
      let view = SIMD2(Double(size.width), Double(size.height))
      for hand in report.hands {
        let drawing = HandDrawing(hand, picture: report.picture, view: view, mirrored: true)
        draw(drawing, in: &context)
      }
    }
    .accessibilityElement(children: .ignore)
    .accessibilityLabel("Hands in the picture")
    .accessibilityValue(spoken(report.hands))
    .accessibilityAddTraits(.updatesFrequently)
  }

  private func draw(_ drawing: HandDrawing, in context: inout GraphicsContext) {
    context.stroke(outline(drawing.region), with: .color(.green), lineWidth: 2)
    context.stroke(
      outline(drawing.palm), with: .color(.orange), style: StrokeStyle(lineWidth: 2, dash: [6, 4]))
    var skeleton = Path()
    for bone in drawing.bones {
      skeleton.move(to: point(bone.from))
      skeleton.addLine(to: point(bone.to))
    }
    context.stroke(skeleton, with: .color(.white.opacity(0.8)), lineWidth: 3)
    for dot in drawing.dots {
      let colour = depthColor(dot.nearness)
      let square = CGRect(x: dot.position.x - 5, y: dot.position.y - 5, width: 10, height: 10)
      let circle = Path(ellipseIn: square)
      context.fill(circle, with: .color(red: colour.x, green: colour.y, blue: colour.z))
      context.stroke(circle, with: .color(.black.opacity(0.6)), lineWidth: 1)
    }
    let caption = Text(drawing.caption).font(.callout.bold()).foregroundColor(.green)
    context.draw(caption, at: point(drawing.captionPosition))
  }

  private func outline(_ corners: [SIMD2<Double>]) -> Path {
    var path = Path()
    guard !corners.isEmpty else { return path }
    path.addLines(corners.map(point))
    path.closeSubpath()
    return path
  }

  private func point(_ position: SIMD2<Double>) -> CGPoint {
    CGPoint(x: position.x, y: position.y)
  }
}

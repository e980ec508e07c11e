// Frames per second and the milliseconds of each stage, over the preview.

import PalmScreens
import SwiftUI

struct StagePanel: View {
  let report: FrameReport?

  var body: some View {
    VStack(alignment: .leading, spacing: 4) {
      HStack {
        Text(rate).font(.headline)
        Spacer()
        if let report {
          Text(millisecondsText(report.stages.total)).font(.headline)
        }
      }
      if let report {
        ForEach(report.stages.rows) { stage in
          HStack {
            Text(stage.name)
            Spacer()
            Text(millisecondsText(stage.milliseconds))
          }
          .font(.footnote)
          .accessibilityElement(children: .combine)
        }
      }
    }
    .monospacedDigit()
    .padding()
    .background(.regularMaterial, in: RoundedRectangle(cornerRadius: 16))
    .accessibilityElement(children: .contain)
    .accessibilityLabel("Speed")
  }

  private var rate: String {
    guard let rate = report?.framesPerSecond else { return "– frames/s" }
    return "\(Int(rate.rounded())) frames/s"
  }
}

// Median and 95th percentile of each model on each unit.

import Charts
import PalmScreens
import SwiftUI

struct BenchmarkChart: View {
  let bars: [BenchmarkBar]

  var body: some View {
    Chart(bars) { bar in
      BarMark(x: .value("Median", bar.median), y: .value("Units", bar.units))
        .foregroundStyle(by: .value("Model", bar.model))
        .position(by: .value("Model", bar.model))
        .annotation(position: .trailing) {
          Text(millisecondsText(bar.median)).font(.caption2)
        }
        .accessibilityLabel("\(bar.model) on \(bar.units)")
        .accessibilityValue(bar.spoken)
      PointMark(x: .value("95th percentile", bar.slow), y: .value("Units", bar.units))
        .foregroundStyle(.secondary)
        .position(by: .value("Model", bar.model))
        .accessibilityHidden(true)
    }
    .chartXAxisLabel("Milliseconds per prediction: bar median, dot 95th percentile")
    .chartLegend(position: .bottom)
    .frame(minHeight: 320)
  }
}

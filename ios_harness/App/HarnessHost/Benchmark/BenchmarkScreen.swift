// Starts a benchmark, shows its figures as they arrive, and shares results.json.

import PalmCore
import PalmScreens
import SwiftUI

struct BenchmarkScreen: View {
  @EnvironmentObject private var app: AppModel
  @StateObject private var model = BenchmarkModel()
  let fixtures: Fixtures

  var body: some View {
    NavigationStack {
      List {
        control
        if let results = model.progress?.results {
          figures(results)
          failures(results)
        }
      }
      .navigationTitle("Benchmark")
    }
  }

  private var control: some View {
    Section {
      if model.isRunning {
        running
        Button("Stop after this model", role: .destructive) { model.stop() }
      } else {
        Text("Runs \(app.choice.palm) and \(app.choice.hand) on every unit; takes a few minutes.")
        Button("Start") { model.start(app.choice, fixtures: fixtures, app: app) }
      }
      if let problem = model.problem {
        Label(problem, systemImage: "exclamationmark.triangle")
      }
      if let file = model.file {
        ShareLink(item: file) {
          Label("Share results.json", systemImage: "square.and.arrow.up")
        }
      }
    }
  }

  @ViewBuilder private var running: some View {
    if let progress = model.progress {
      ProgressView(value: Double(progress.done), total: Double(max(progress.total, 1))) {
        Text(progress.current)
      } currentValueLabel: {
        Text("\(progress.done) of \(progress.total)")
      }
    } else {
      ProgressView("Checking the fixtures")
    }
  }

  @ViewBuilder private func figures(_ results: Results) -> some View {
    let bars = benchmarkBars(results.bench)
    if !bars.isEmpty {
      Section {
        BenchmarkChart(bars: bars)
      } footer: {
        VStack(alignment: .leading) {
          ForEach(benchmarkCaveats(results), id: \.self) { Text("No benchmark: \($0)") }
        }
      }
    }
  }

  @ViewBuilder private func failures(_ results: Results) -> some View {
    if !results.failures.isEmpty {
      Section("Failed") {
        ForEach(results.failures.indices, id: \.self) { index in
          let failure = results.failures[index]
          VStack(alignment: .leading) {
            Text("\(failure.model) \(failure.units)").font(.headline)
            Text(failure.message).font(.callout)
          }
        }
      }
    }
  }
}

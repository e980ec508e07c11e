// The choice of models, units and number of hands; and facts about this build and device.

import PalmCore
import PalmDevice
import PalmScreens
import SwiftUI

struct SettingsScreen: View {
  @EnvironmentObject private var app: AppModel
  let fixtures: Fixtures

  var body: some View {
    NavigationStack {
      Form {
        if let problem = app.choiceProblem {
          Text(problem).foregroundStyle(.red)
        }
        models
        tracking
        facts
      }
      .navigationTitle("Settings")
      .disabled(app.isMeasuring)
    }
  }

  private var models: some View {
    Section("Models") {
      Picker("Palm detector", selection: $app.choice.palm) {
        ForEach(fixtures.manifest.names(of: .palm), id: \.self) { Text($0) }
      }
      Picker("Landmarks", selection: $app.choice.hand) {
        ForEach(fixtures.manifest.names(of: .hand), id: \.self) { Text($0) }
      }
      Picker("Compute units", selection: $app.choice.units) {
        ForEach(Units.allCases, id: \.self) { Text($0.title) }
      }
    }
  }

  private var tracking: some View {
    Section("Tracking") {
      Stepper(value: $app.choice.maximumHands, in: TrackerChoice.handRange) {
        LabeledContent("Hands", value: "\(app.choice.maximumHands)")
      }
      Toggle("Track hands from frame to frame", isOn: $app.choice.follows)
    }
  }

  private var facts: some View {
    Section("About") {
      LabeledContent("Device", value: DeviceReport.model)
      LabeledContent("System", value: DeviceReport.systemVersion)
      LabeledContent("Build", value: DeviceReport.buildConfiguration)
      LabeledContent("Fixtures commit", value: fixtures.manifest.commit ?? "unknown")
      LabeledContent("Fixtures", value: String(fixtures.manifestSHA256.prefix(12)))
    }
    .textSelection(.enabled)
  }
}

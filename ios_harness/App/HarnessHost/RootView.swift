// The three screens once the fixtures are loaded; before that, progress or what is missing.

import PalmCore
import PalmScreens
import SwiftUI

struct RootView: View {
  @StateObject private var app = AppModel()

  var body: some View {
    content
      .environmentObject(app)
      .task { await app.load() }
  }

  @ViewBuilder private var content: some View {
    switch app.fixtures {
    case nil:
      ProgressView("Checking the models")
    case .failure(let error):
      MessageView(title: "No models", text: sentence(error), symbol: "shippingbox")
    case .success(let fixtures):
      TabView {
        CameraScreen(fixtures: fixtures)
          .tabItem { Label("Camera", systemImage: "hand.raised") }
        BenchmarkScreen(fixtures: fixtures)
          .tabItem { Label("Benchmark", systemImage: "chart.bar") }
        SettingsScreen(fixtures: fixtures)
          .tabItem { Label("Settings", systemImage: "gearshape") }
      }
    }
  }
}

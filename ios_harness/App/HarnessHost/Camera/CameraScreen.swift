// The camera with the hands drawn over it, or the reason why there is no picture.

import PalmCore
import PalmScreens
import SwiftUI
import UIKit

struct CameraScreen: View {
  @EnvironmentObject private var app: AppModel
  @StateObject private var model = CameraModel()
  @State private var attempt = 0
  let fixtures: Fixtures

  var body: some View {
    content
      .task(id: Run(choice: app.choice, attempt: attempt, waits: app.isMeasuring)) {
        if app.isMeasuring {
          model.stop()
        } else {
          await model.run(app.choice, from: fixtures)
        }
      }
      .onDisappear { model.stop() }
  }

  @ViewBuilder private var content: some View {
    if app.isMeasuring {
      MessageView(
        title: "A benchmark is running", text: "The camera resumes when it ends.",
        symbol: "stopwatch")
    } else {
      switch model.phase {
      case .preparing:
        ProgressView("Preparing the models")
      case .failed(let text, let forSettings):
        MessageView(
          title: "No picture", text: text, symbol: "video.slash",
          actionTitle: forSettings ? "Open Settings" : "Try again",
          action: { forSettings ? openSettings() : tryAgain() })
      case .running:
        live
      }
    }
  }

  private var live: some View {
    ZStack(alignment: .bottom) {
      CameraPreview(session: model.camera.session)
        .accessibilityElement()
        .accessibilityLabel("Front camera, mirrored")
        .overlay {
          if let report = model.report { HandOverlay(report: report) }
        }
        .ignoresSafeArea()
      VStack {
        if let fault = model.fault {
          Text(fault)
            .font(.callout)
            .padding()
            .background(.red.opacity(0.85), in: RoundedRectangle(cornerRadius: 16))
            .foregroundStyle(.white)
        }
        StagePanel(report: model.report)
      }
      .padding()
    }
  }

  private func tryAgain() {
    attempt += 1
  }

  private func openSettings() {
    guard let url = URL(string: UIApplication.openSettingsURLString) else { return }
    UIApplication.shared.open(url)
  }

  /// The values whose change restarts the camera.
  private struct Run: Equatable {
    let choice: TrackerChoice
    let attempt: Int
    let waits: Bool
  }
}

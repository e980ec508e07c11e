// The app: three screens, or an idle one while it hosts tests.

import PalmScreens
import SwiftUI

@main
struct HarnessHostApp: App {
  var body: some Scene {
    WindowGroup {
      if isTestHost() {
        TestHostView()
      } else {
        RootView()
      }
    }
  }
}

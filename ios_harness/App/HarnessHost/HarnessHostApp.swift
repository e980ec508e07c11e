// The app: three screens, or an idle one while it is the host of tests.

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

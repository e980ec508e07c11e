// What the app uses of Combine, as Apple's documentation declares it. Nothing runs.

/// https://developer.apple.com/documentation/combine/observableobject
public protocol ObservableObject: AnyObject {}

/// https://developer.apple.com/documentation/combine/published
@propertyWrapper
public struct Published<Value> {
  /// https://developer.apple.com/documentation/combine/published/init(wrappedvalue:)
  public init(wrappedValue: Value) { fatalError() }
  /// https://developer.apple.com/documentation/combine/published
  public var wrappedValue: Value {
    get { fatalError() }
    set { fatalError() }
  }
}

// `import PalmKit` is enough: `Hand`, `PalmError` and the other types of PalmCore come with it.

@_exported import PalmCore

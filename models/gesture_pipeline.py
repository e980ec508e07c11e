"""A hand's landmarks → the gesture that it makes, as MediaPipe 1's GestureRecognizer finds it.

The landmarks are brought to the picture's aspect, about the wrist and to unit size, the embedder
turns them into a vector, each classifier into probabilities, and the first classifier whose most
probable gesture is not "None" names it: one of the user's own comes before MediaPipe's.

Sources, under mediapipe/tasks/cc/vision/gesture_recognizer/: hand_gesture_recognizer_graph.cc,
calculators/landmarks_to_matrix_calculator.cc, calculators/handedness_to_matrix_calculator.cc,
calculators/combined_prediction_calculator.cc. Each step rounds to float32 where they do.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NO_GESTURE = "None"  # the label of all other positions of a hand
WRIST = 0
EPSILON = np.float32(1e-5)  # of a hand's extent
HALF = 0.5  # the picture's middle, in double as in C++
UNKNOWN_SIDE = np.float32(0.5)


@dataclass(frozen=True)
class Gesture:
    """A gesture's label in the model ("Victory"; "None" if it is no known gesture) and its
    probability, 0..1.
    """

    name: str
    score: float


@dataclass(frozen=True, eq=False)
class GestureInputs:
    """What an embedder's file takes for one hand, float32: `landmarks` (1, L, 3) about the wrist,
    the larger of width and height 1; `handedness` (1, 1), the probability of a left hand;
    `world_landmarks` (1, L, 3), prepared like the landmarks.
    """

    landmarks: Floats
    handedness: Floats
    world_landmarks: Floats


# one hand's inputs → (E,) float32; (E,) → (G,) probabilities
Embedder = Callable[[GestureInputs], Floats]
Classify = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Classifier:
    """A classifier and its gestures, in the order of its probabilities."""

    run: Classify
    labels: tuple[str, ...]


@dataclass(frozen=True)
class GestureModels:
    """An embedder, and the classifiers of its vectors: those of the user's own gestures first."""

    embedder: Embedder
    classifiers: tuple[Classifier, ...]

    def __call__(
        self,
        landmarks: Floats,
        image_size: tuple[int, int],
        handedness: Floats | None = None,
        world_landmarks: Floats | None = None,
    ) -> Gesture:
        """The gesture of one hand: (L, 3) `landmarks`, normalised to a picture of `image_size`
        (height, width); `handedness` () from 0, left, to 1; `world_landmarks` (L, 3) in metres.
        None where the release does not give them: MediaPipe's embedder does not use the latter two.
        """
        vector = self.embedder(gesture_inputs(landmarks, image_size, handedness, world_landmarks))
        winners = [winner(c.run(vector), c.labels) for c in self.classifiers]
        return next((found for found in winners if found.name != NO_GESTURE), winners[0])


def gesture_inputs(
    landmarks: Floats,
    image_size: tuple[int, int],
    handedness: Floats | None = None,
    world_landmarks: Floats | None = None,
) -> GestureInputs:
    """Prepares one hand; arguments as for `GestureModels`. World landmarks that are not known are
    zeros, an unknown side is 0.5.
    """
    world = np.zeros_like(landmarks) if world_landmarks is None else about_wrist(world_landmarks)
    right = UNKNOWN_SIDE if handedness is None else np.float32(handedness)
    return GestureInputs(
        landmarks=about_wrist(in_aspect(landmarks, image_size))[None],
        handedness=np.full((1, 1), np.float32(1) - right, np.float32),
        world_landmarks=world[None],
    )


def in_aspect(landmarks: Floats, image_size: tuple[int, int]) -> Floats:
    """(L, 3) x and y normalised to the picture's sides → to its longer side, about its middle."""
    height, width = (np.float32(side) for side in image_size)
    factors = np.array((width, height), np.float32) / max(width, height)
    found = landmarks.astype(np.float32)
    found[:, :2] = (landmarks[:, :2].astype(np.float64) - HALF) * factors + HALF
    return found


def about_wrist(landmarks: Floats) -> Floats:
    """(L, 3) → about the wrist, divided by the larger of width and height. Moved by half a picture
    and back before, which rounds: MediaPipe rotates there, by 0 for an upright picture.
    """
    points = landmarks.astype(np.float32)
    points[:, :2] = (points[:, :2].astype(np.float64) - HALF).astype(np.float32)
    points[:, :2] = points[:, :2].astype(np.float64) + HALF
    points = points - points[WRIST]
    sizes = points[:, :2].max(axis=0) - points[:, :2].min(axis=0)
    scaled: Floats = points / (sizes.max() + EPSILON)
    return scaled


def winner(probabilities: Floats, labels: tuple[str, ...]) -> Gesture:
    """The most probable gesture; the first of equals."""
    index = int(probabilities.argmax())
    return Gesture(labels[index], float(probabilities[index]))

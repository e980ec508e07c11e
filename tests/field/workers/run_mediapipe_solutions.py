"""MediaPipe's `solutions.hands`, each picture on its own: IMAGE.npy. See `finding`."""

import mediapipe
from finding import serve


def open_pipeline():
    hands = mediapipe.solutions.hands.Hands(
        static_image_mode=True, max_num_hands=2, model_complexity=1
    )

    def find(image):
        found = hands.process(image).multi_hand_landmarks or ()
        return [[(point.x, point.y) for point in hand.landmark] for hand in found]

    return find


serve(open_pipeline)

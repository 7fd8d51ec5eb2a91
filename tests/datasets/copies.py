"""Small synthetic copies of data sets in their exact layouts, with faces of Labeled Faces in the Wild.

Their labels are arbitrary: they test readers, not models.
"""

from functools import cache

import cv2
import numpy as np
from PIL import Image
from skimage.data import lfw_subset

from landmark_fer.datasets.base import counted_sentence
from landmark_fer.datasets.readers import affectnet, jaffe, kdef, raf_db

CK48_FOLDERS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
_FACE = 160  # pixels of a face in a scene


@cache
def _people():
    return (lfw_subset()[:100].clip(0, 1) * 255).astype(np.uint8)


def crop(person, variant=0, *, side=48):
    """Return a person's face as a grey crop; the variant changes angle and light a little."""
    face = cv2.resize(_people()[person], (side, side), interpolation=cv2.INTER_CUBIC)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), 3 * variant - 6, 1 + 0.02 * variant)
    turned = cv2.warpAffine(face, turn, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(turned * (1 - 0.04 * variant), 0, 255).astype(np.uint8)


def scene(person, variant=0, *, height, width):
    """Return a person's face in a grey scene, near the middle."""
    image = np.full((height, width), 96, np.uint8)
    top, left = (height - _FACE) // 2 + variant, (width - _FACE) // 2 - variant
    image[top : top + _FACE, left : left + _FACE] = crop(person, variant, side=_FACE)
    return image


def problems_of(reader):
    """Return sentences on what a reader leaves out, as in `FaceDataset.problems`."""
    single, of_reason = [], {}
    for item in reader.items():
        if item.problem and item.problem_is_shared:
            of_reason.setdefault(item.problem, []).append(item.name)
        elif item.problem:
            single.append(item.problem)
    return single + [counted_sentence(len(names), reason, names) for reason, names in of_reason.items()]


def write(path, image, **options):
    """Write an image and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **options)


def write_text(path, text):
    """Write a text and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def make_ck_plus(folder, *, subjects=2, codes=(1, 2, 7), frames=5):
    """CK+: a labelled sequence of each code for each subject, and one without a label."""
    for subject in range(subjects):
        who = f"S{5 + subject:03}"
        for sequence, code in enumerate([*codes, None], start=1):
            place = f"{who}/{sequence:03}"
            for frame in range(1, frames + 1):
                image = scene(subject, min(frame, 4), height=490, width=640)
                write(folder / "cohn-kanade-images" / place / f"{who}_{sequence:03}_{frame:08}.png", image)
            (folder / "Emotion" / place).mkdir(parents=True)
            if code is not None:
                label = folder / "Emotion" / place / f"{who}_{sequence:03}_{frames:08}_emotion.txt"
                label.write_text(f"   {code:.7e}\n")
    return folder


def make_ck48(folder, *, subjects=4, folders=CK48_FOLDERS):
    """CK+48: three frames of each class for each subject."""
    for subject in range(subjects):
        for sequence, word in enumerate(folders, start=1):
            for frame in range(3):
                name = f"S{10 + subject:03}_{sequence:03}_{15 + frame:08}.png"
                write(folder / word / name, crop(subject, frame))
    return folder


def make_jaffe(folder, *, subjects=("KA", "KL"), codes=tuple(jaffe.CODES), each=1):
    """JAFFE: tiff images of 256x256 in one folder, and its text."""
    number = 1
    for person, who in enumerate(subjects):
        for code in codes:
            for place in range(1, each + 1):
                image = scene(person + 10, number % 5, height=256, width=256)
                write(folder / "jaffe" / f"{who}.{code}{place}.{number}.tiff", image)
                number += 1
    write_text(folder / "jaffe" / "README", "JAFFE")
    return folder


def make_kdef(folder, *, people=("F01", "M01"), sessions="AB", codes=tuple(kdef.CODES), poses=("S", "HL", "FR")):
    """KDEF: a folder for each person and session, colour JPEG of 562x762."""
    for person, who in enumerate(people):
        for session in sessions:
            for variant, code in enumerate(codes):
                for view in poses:
                    name = f"{session}{who}/{session}{who}{code}{view}.JPG"
                    image = scene(person + 20, variant % 5, height=762, width=562)
                    write(folder / "KDEF" / name, np.dstack([image] * 3), quality=94)
    return folder


def make_raf_db(folder, *, each=2):
    """RAF-DB as its authors publish it: the list of labels, aligned crops of 100x100, some photographs."""
    lines, person = [], 0
    for split, most in (("train", each), ("test", 1)):
        number = 1
        for code in raf_db.CODES:
            for _ in range(most):
                name = f"{split}_{number:05}"
                lines.append(f"{name}.jpg {code}")
                aligned = np.dstack([crop(person % 100, side=100)] * 3)
                write(folder / "basic/Image/aligned" / f"{name}_aligned.jpg", aligned)
                photograph = scene(person % 100, height=300, width=320)
                write(folder / "basic/Image/original" / f"{name}.jpg", photograph)
                number, person = number + 1, person + 1
    write_text(folder / "basic/EmoLabel" / raf_db.LABEL_LIST, "\n".join(lines) + "\n")
    return folder


def make_raf_db_kaggle(folder, *, each=2):
    """RAF-DB as on Kaggle: folders 1 to 7 under train and test, and two csv files."""
    for split, most in (("train", each), ("test", 1)):
        rows, number = ["image,label"], 1
        for code in raf_db.CODES:
            for _ in range(most):
                name = f"{split}_{number:05}_aligned.jpg"
                write(folder / "DATASET" / split / str(code) / name, np.dstack([crop(number, side=100)] * 3))
                rows.append(f"{name},{code}")
                number += 1
        write_text(folder / f"{split}_labels.csv", "\n".join(rows) + "\n")
    return folder


def make_affectnet(folder, *, each=2, codes=(*affectnet.CODES, 8, 9, 10)):
    """AffectNet in folders: images of 224x224 and four arrays for each."""
    number = 0
    for split, most in (("train_set", each), ("val_set", 1)):
        for code in codes:
            for _ in range(most):
                write(folder / split / "images" / f"{number}.jpg", np.dstack([crop(number % 100, side=224)] * 3))
                arrays = {"exp": str(code), "val": "-0.25", "aro": "0.5", "lnd": np.zeros(136)}
                (folder / split / "annotations").mkdir(exist_ok=True)
                for kind, value in arrays.items():
                    np.save(folder / split / "annotations" / f"{number}_{kind}.npy", np.array(value))
                number += 1
    return folder


def make_affectnet_lists(folder, *, each=2, codes=(*affectnet.CODES, 8, 9, 10), header=True):
    """AffectNet's manually annotated part: two csv files, images in numbered folders."""
    number = 0
    for file, most in (("training.csv", each), ("validation.csv", 1)):
        rows = [",".join(affectnet.COLUMNS)] if header else []
        for code in codes:
            for _ in range(most):
                name = f"{number % 3 + 1}/{number:032x}.jpg"
                images = folder / "Manually_Annotated" / "Manually_Annotated_Images"
                write(images / name, np.dstack([scene(number % 100, height=260, width=240)] * 3))
                landmarks = ";".join(["100.5"] * 136)
                rows.append(f"{name},40,50,160,160,{landmarks},{code},-0.5,0.25")
                number += 1
        write_text(folder / "Manually_Annotated_file_lists" / file, "\n".join(rows) + "\n")
    return folder


def make_ferplus(folder, *, each=2):
    """FER+ in folders, as its script ``generate_training_data.py`` writes them."""
    number = 0
    for split in ("FER2013Train", "FER2013Valid", "FER2013Test"):
        rows = []
        for column in range(8):
            for _ in range(each):
                name = f"fer{number:07}.png"
                write(folder / "data" / split / name, crop(number % 100))
                votes = [0] * 10
                votes[column], votes[8] = 7, 3
                rows.append(f'{name},"(0, 0, 48, 48)",{",".join(map(str, votes))}')
                number += 1
        rows.append(f'{name.replace("fer", "fer9")},"(0, 0, 48, 48)",{",".join("1" * 10)}')
        write(folder / "data" / split / name.replace("fer", "fer9"), crop(3))
        write_text(folder / "data" / split / "label.csv", "\n".join(rows) + "\n")
    return folder


# Code and name of each class in the data sets' own documents.
OFFICIAL_CODES = {
    "ck+": "0=neutral, 1=anger, 2=contempt, 3=disgust, 4=fear, 5=happy, 6=sadness, 7=surprise",
    "raf-db": "1=surprise, 2=fear, 3=disgust, 4=happiness, 5=sadness, 6=anger, 7=neutral",
    "affectnet": "0=neutral, 1=happiness, 2=sadness, 3=surprise, 4=fear, 5=disgust, 6=anger, 7=contempt",
    "kdef": "AF=afraid, AN=angry, DI=disgusted, HA=happy, NE=neutral, SA=sad, SU=surprised",
    "jaffe": "AN=angry, DI=disgust, FE=fear, HA=happy, NE=neutral, SA=sad, SU=surprise",
}

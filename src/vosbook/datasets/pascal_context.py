"""PASCAL-Context (Mottaghi et al., CVPR 2014): photographs of PASCAL VOC 2010, every pixel of which has a class.

trainval/2008_000002.mat        LabelMap, uint16 (H, W): 1..459, what the pixel shows
JPEGImages/2008_000002.jpg      the photograph, from VOC 2010; there may be more of them than labels
"""

import zlib
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from vosbook.errors import InputError
from vosbook.video.images import read_image


class PascalContext:
    """Photographs with their areas, in order of their names; each is read when it is asked for."""

    band = None  # contours are known everywhere

    def __init__(self, root: str | Path):
        """`root` holds trainval/ and JPEGImages/. InputError names what is missing."""
        self.root = Path(root)
        self.names = tuple(sorted(path.stem for path in (self.root / "trainval").glob("*.mat")))
        if not self.names:
            raise InputError(f"{self.root / 'trainval'} holds no .mat file: unpack PASCAL-Context's labels there")
        absent = [name for name in self.names if not self._photograph(name).is_file()]
        if absent:
            raise InputError(
                f"{self._photograph(absent[0])} does not exist ({len(absent)} of {len(self.names)} photographs are "
                "missing): copy VOC 2010's JPEGImages there"
            )

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Photograph n, uint8 (H, W, 3), and its classes, uint16 (H, W), as areas. InputError: a damaged file."""
        name = self.names[n]
        path = self.root / "trainval" / f"{name}.mat"
        try:
            areas = loadmat(path)["LabelMap"].astype(np.uint16)
        except (MatReadError, zlib.error, KeyError, ValueError, TypeError, OSError, NotImplementedError) as error:
            reason = " ".join(str(error).split())[:100]
            raise InputError(f"{path} is no label file of PASCAL-Context ({reason}): copy it again") from None
        frame = read_image(self._photograph(name))
        if frame.shape[:2] != areas.shape:
            raise InputError(f"{path} has the size {areas.shape}, its photograph {frame.shape[:2]}: copy both again")
        return frame, areas

    def _photograph(self, name: str) -> Path:
        return self.root / "JPEGImages" / f"{name}.jpg"

"""Builds what a guest boots from: kernel, initramfs and root image. Its source is part of the image's fingerprint."""

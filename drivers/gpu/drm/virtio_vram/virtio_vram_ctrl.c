// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control queue: one request, one response, in process context.
 *
 * The device is not trusted: it may answer late, never, too much or nonsense.
 * Whatever it does costs at most one time-out; after that the queue is dead.
 */
#include <linux/jiffies.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>

#include <drm/drm_print.h>

#include "virtio_vram.h"

#define VIRTIO_VRAM_CTRL_TIMEOUT	(10 * HZ)

static void virtio_vram_ctrl_done(struct virtqueue *vq)
{
	struct virtio_vram *vram = vq->vdev->priv;

	complete(&vram->ctrl.done);
}

/* Wait for the response. Return: bytes in it, or a negative errno. */
static int virtio_vram_ctrl_wait(struct virtio_vram_ctrl *ctrl)
{
	/* A device that raises interrupts all the time cannot extend this. */
	unsigned long end = jiffies + VIRTIO_VRAM_CTRL_TIMEOUT;
	unsigned int len;

	while (!virtqueue_get_buf(ctrl->vq, &len)) {
		long left = end - jiffies;

		if (left <= 0)
			return -ETIMEDOUT;
		if (virtqueue_is_broken(ctrl->vq))
			return -EIO;
		wait_for_completion_timeout(&ctrl->done, left);
	}
	return min_t(unsigned int, len, INT_MAX);
}

static int virtio_vram_ctrl_xfer(struct virtio_vram_ctrl *ctrl, size_t req_len,
				 size_t resp_room)
{
	struct scatterlist out, in, *sgs[2];
	unsigned int nr_out = 0, nr_in = 0;
	int ret;

	if (req_len) {
		sg_init_one(&out, ctrl->req, req_len);
		sgs[nr_out++] = &out;
	}
	if (resp_room) {
		memset(ctrl->resp, 0, resp_room);
		sg_init_one(&in, ctrl->resp, resp_room);
		sgs[nr_out + nr_in++] = &in;
	}

	ret = virtqueue_add_sgs(ctrl->vq, sgs, nr_out, nr_in, ctrl, GFP_KERNEL);
	if (ret)
		return ret;
	if (!virtqueue_kick(ctrl->vq))
		return -EIO;

	ret = virtio_vram_ctrl_wait(ctrl);
	return ret > (int)resp_room ? -EPROTO : ret;
}

/**
 * virtio_vram_ctrl_send - send one request and wait for its response
 * @vram: the device
 * @req: the request
 * @req_len: bytes in it, at most %VIRTIO_VRAM_CTRL_MAX
 * @resp: room for the response
 * @resp_room: bytes of room, at most %VIRTIO_VRAM_CTRL_MAX. Not both lengths
 *	may be 0
 *
 * Bytes of @resp that the device does not claim to have written are 0.
 *
 * Context: process context; sleeps up to ten seconds, holding ctrl->lock.
 * Return: bytes the device wrote, or -EIO, -EPROTO or -ETIMEDOUT.
 */
int virtio_vram_ctrl_send(struct virtio_vram *vram, const void *req,
			  size_t req_len, void *resp, size_t resp_room)
{
	struct virtio_vram_ctrl *ctrl = &vram->ctrl;
	int ret = -EIO;

	mutex_lock(&ctrl->lock);
	if (ctrl->dead)
		goto unlock;

	memcpy(ctrl->req, req, req_len);
	ret = virtio_vram_ctrl_xfer(ctrl, req_len, resp_room);
	if (ret < 0) {
		drm_err(vram->drm, "control queue failed: %pe\n", ERR_PTR(ret));
		ctrl->dead = true;
		goto unlock;
	}
	memset(ctrl->resp + ret, 0, resp_room - ret);
	memcpy(resp, ctrl->resp, resp_room);

unlock:
	mutex_unlock(&ctrl->lock);
	return ret;
}

/**
 * virtio_vram_ctrl_hello - wait until the window may be touched
 * @vram: the device
 *
 * A device sets up its window when the queues start, and answers no request
 * before that is done. Until then reads of the window give 0 and writes are
 * lost.
 *
 * Return: 0 or a negative errno.
 */
int virtio_vram_ctrl_hello(struct virtio_vram *vram)
{
	struct virtio_gpu_ctrl_hdr req = {
		.type = cpu_to_le32(VIRTIO_GPU_CMD_GET_DISPLAY_INFO),
	};
	struct virtio_gpu_resp_display_info resp;
	int ret;

	ret = virtio_vram_ctrl_send(vram, &req, sizeof(req), &resp, sizeof(resp));
	if (ret < 0)
		return ret;
	if (ret < sizeof(resp) ||
	    resp.hdr.type != cpu_to_le32(VIRTIO_GPU_RESP_OK_DISPLAY_INFO)) {
		drm_err(vram->drm, "bad display info: %d bytes, type %#x\n", ret,
			le32_to_cpu(resp.hdr.type));
		return -EPROTO;
	}
	return 0;
}

/**
 * virtio_vram_ctrl_start - find the queues and start the device
 * @vram: the device, just reset, with its features negotiated
 *
 * Return: 0 or a negative errno.
 */
int virtio_vram_ctrl_start(struct virtio_vram *vram)
{
	struct virtqueue_info info[] = {
		{ "control", virtio_vram_ctrl_done },
		{ "cursor", NULL },	/* nothing to point at, but it must exist */
	};
	struct virtio_vram_ctrl *ctrl = &vram->ctrl;
	struct virtqueue *vqs[ARRAY_SIZE(info)];
	int ret;

	ret = virtio_find_vqs(vram->vdev, ARRAY_SIZE(info), vqs, info, NULL);
	if (ret)
		return ret;

	virtio_device_ready(vram->vdev);
	mutex_lock(&ctrl->lock);
	ctrl->vq = vqs[0];
	ctrl->dead = false;
	mutex_unlock(&ctrl->lock);
	return 0;
}

/**
 * virtio_vram_ctrl_stop - reset the device and give up the queues
 * @vram: the device
 *
 * The window is gone after this.
 */
void virtio_vram_ctrl_stop(struct virtio_vram *vram)
{
	struct virtio_vram_ctrl *ctrl = &vram->ctrl;

	mutex_lock(&ctrl->lock);
	ctrl->dead = true;
	mutex_unlock(&ctrl->lock);

	virtio_reset_device(vram->vdev);
	vram->vdev->config->del_vqs(vram->vdev);
}

/**
 * virtio_vram_ctrl_init - set up the control queue and start the device
 * @vram: the device; vdev->priv points to it
 *
 * Return: 0 or a negative errno.
 */
int virtio_vram_ctrl_init(struct virtio_vram *vram)
{
	struct virtio_vram_ctrl *ctrl = &vram->ctrl;
	int ret;

	mutex_init(&ctrl->lock);
	init_completion(&ctrl->done);
	ctrl->dead = true;

	/* Not drmm or devm: the device may write here until it is reset. */
	ctrl->req = kmalloc(VIRTIO_VRAM_CTRL_MAX, GFP_KERNEL);
	ctrl->resp = kmalloc(VIRTIO_VRAM_CTRL_MAX, GFP_KERNEL);
	if (!ctrl->req || !ctrl->resp) {
		ret = -ENOMEM;
		goto err_free;
	}

	ret = virtio_vram_ctrl_start(vram);
	if (ret)
		goto err_free;
	return 0;

err_free:
	kfree(ctrl->resp);
	kfree(ctrl->req);
	return ret;
}

/**
 * virtio_vram_ctrl_fini - stop the device for good
 * @vram: the device, stopped before or not
 */
void virtio_vram_ctrl_fini(struct virtio_vram *vram)
{
	struct virtio_vram_ctrl *ctrl = &vram->ctrl;

	virtio_vram_ctrl_stop(vram);
	kfree(ctrl->resp);
	kfree(ctrl->req);
}

/* SPDX-License-Identifier: MIT */
/*
 * The part of the vhost-user protocol that the device speaks.
 *
 * Numbers and layouts are those of QEMU's docs/interop/vhost-user.rst; the
 * shared-memory messages are the ones of QEMU 11.1 (earlier postings used other
 * numbers). All fields are in host byte order.
 */
#ifndef VHOST_USER_H
#define VHOST_USER_H

#include <stdint.h>

#include <linux/vhost_types.h>

/* Virtio feature bit that stands for "protocol features can be negotiated". */
#define VHOST_USER_F_PROTOCOL_FEATURES	30

#define VHOST_USER_PROTOCOL_F_MQ		0
#define VHOST_USER_PROTOCOL_F_REPLY_ACK		3
#define VHOST_USER_PROTOCOL_F_BACKEND_REQ	5
#define VHOST_USER_PROTOCOL_F_CONFIG		9
#define VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD	10
#define VHOST_USER_PROTOCOL_F_RESET_DEVICE	13
#define VHOST_USER_PROTOCOL_F_MEM_SLOTS		15
#define VHOST_USER_PROTOCOL_F_SHMEM		22

enum vhost_user_request {
	VHOST_USER_GET_FEATURES			= 1,
	VHOST_USER_SET_FEATURES			= 2,
	VHOST_USER_SET_OWNER			= 3,
	VHOST_USER_RESET_OWNER			= 4,
	VHOST_USER_SET_MEM_TABLE		= 5,
	VHOST_USER_SET_VRING_NUM		= 8,
	VHOST_USER_SET_VRING_ADDR		= 9,
	VHOST_USER_SET_VRING_BASE		= 10,
	VHOST_USER_GET_VRING_BASE		= 11,
	VHOST_USER_SET_VRING_KICK		= 12,
	VHOST_USER_SET_VRING_CALL		= 13,
	VHOST_USER_SET_VRING_ERR		= 14,
	VHOST_USER_GET_PROTOCOL_FEATURES	= 15,
	VHOST_USER_SET_PROTOCOL_FEATURES	= 16,
	VHOST_USER_GET_QUEUE_NUM		= 17,
	VHOST_USER_SET_VRING_ENABLE		= 18,
	VHOST_USER_SET_BACKEND_REQ_FD		= 21,
	VHOST_USER_GET_CONFIG			= 24,
	VHOST_USER_SET_CONFIG			= 25,
	VHOST_USER_RESET_DEVICE			= 34,
	VHOST_USER_GET_MAX_MEM_SLOTS		= 36,
	VHOST_USER_ADD_MEM_REG			= 37,
	VHOST_USER_REM_MEM_REG			= 38,
	VHOST_USER_GET_SHMEM_CONFIG		= 44,
};

/* Requests from the device to the front-end, on the socket it was given. */
enum vhost_user_backend_request {
	VHOST_USER_BACKEND_SHMEM_MAP		= 9,
	VHOST_USER_BACKEND_SHMEM_UNMAP		= 10,
};

#define VHOST_USER_VERSION		0x1
#define VHOST_USER_VERSION_MASK		0x3
#define VHOST_USER_REPLY		(1U << 2)
#define VHOST_USER_NEED_REPLY		(1U << 3)

struct vhost_user_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;		/* of the payload */
};

/* SET_VRING_KICK, _CALL and _ERR carry the queue and "no descriptor". */
#define VHOST_USER_VRING_IDX_MASK	0xffU
#define VHOST_USER_VRING_NOFD		(1U << 8)

struct vhost_user_region {
	uint64_t gpa;		/* guest-physical address */
	uint64_t size;
	uint64_t uaddr;		/* front-end's address, in which rings are given */
	uint64_t offset;	/* in the file that comes with the message */
};

#define VHOST_USER_TABLE_MAX	8

struct vhost_user_table {
	uint32_t nr;
	uint32_t pad;
	struct vhost_user_region region[VHOST_USER_TABLE_MAX];
};

struct vhost_user_mem_reg {
	uint64_t pad;
	struct vhost_user_region region;
};

#define VHOST_USER_CONFIG_MAX	256

struct vhost_user_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t data[VHOST_USER_CONFIG_MAX];
};

struct vhost_user_shmem_config {
	uint32_t nr;		/* regions that exist */
	uint32_t pad;
	uint64_t size[256];	/* indexed by region id */
};

#define VHOST_USER_MAP_RW	(1U << 0)

struct vhost_user_mmap {
	uint8_t shmid;
	uint8_t pad[7];
	uint64_t fd_offset;
	uint64_t shm_offset;
	uint64_t len;
	uint64_t flags;
};

union vhost_user_payload {
	uint64_t u64;
	struct vhost_vring_state state;
	struct vhost_vring_addr addr;
	struct vhost_user_table table;
	struct vhost_user_mem_reg reg;
	struct vhost_user_config config;
	struct vhost_user_shmem_config shmem;
	struct vhost_user_mmap mmap;
};

#endif
